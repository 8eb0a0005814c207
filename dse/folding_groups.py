"""The candidates of a layer's units together, of those that keep up with a pace."""

from dataclasses import replace
from functools import reduce

import numpy as np

from dse.folding_options import ALONG, LONGEST, SPENT, Group, Paths, Units

NOTHING = Units(np.zeros((1, 5)), (), np.empty((1, 0, 4)))
"""A layer without units: one candidate that costs nothing."""


def within(every: list[list[Group]], most_s: float) -> list[list[Units]]:
    """The units of each layer and option together, of candidates that all take no longer and that no cheaper ones
    replace. Groups of the same candidates are weighed once."""
    known: dict[tuple[tuple[int, int], ...], Units] = {(): NOTHING}

    def together(group: Group) -> Units:
        same = tuple((id(unit.paid), id(unit.written)) for unit in group)
        if same not in known:
            known[same] = reduce(Units.joined, (unit.within(most_s) for unit in group))
        return replace(known[same], ops=tuple(op for unit in group for op in unit.ops))

    return [[together(group) for group in row] for row in every]


def paced(group: Group, most_s: float, paths: Paths) -> Units:
    """The units together, of candidates that take no longer than `most_s`, with what they add to the paths.

    Each that follows is the cheapest of these, and adds as little as any of these does.
    """
    if not group:
        return replace(NOTHING, paid=np.zeros((1, 5 + len(paths))))
    first, *others = (unit.along(paths).keep(unit.paid[:, LONGEST] <= most_s) for unit in group)
    if not all(len(unit.paid) for unit in (first, *others)):
        return reduce(Units.beside, (unit.keep(slice(0)) for unit in group))
    for other in others:
        cheapest = np.lexsort((other.paid[:, LONGEST], other.paid[:, SPENT].sum(axis=1)))[:1]
        paid = other.paid[cheapest]
        paid[:, ALONG] = other.paid[:, ALONG].min(axis=0)
        one = replace(other.keep(cheapest), paid=paid)
        first = first.beside(one.keep(np.zeros(len(first.paid), np.int64)))
    return first
