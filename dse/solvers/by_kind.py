"""Options of which several are of one format: conversions, ties and numbers of formats look at the format alone."""

import itertools
import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dse.solvers import branching, coupled
from dse.solvers.classes import Classes, classes
from dse.solvers.coupling import Coupled
from dse.solvers.instance import Outcome
from dse.solvers.passing import passing
from dse.tables import Tables

Ints = NDArray[np.int64]

MOST_SETS = 500
"""Most sets of formats that are bounded one by one."""


class TooCloseError(TimeoutError):
    """Layers are coupled too closely for elimination."""


def dispatch(tables: Tables, kinds: Ints, max_kinds: int | None, deadline: float) -> tuple[Classes, Outcome, str]:
    """Solve tables whose options are of `kinds` [layers, options], as `choose.dispatch` does.

    Where layers are coupled too closely for elimination, TooCloseError.
    """
    found = classes(tables, merge=False)
    layers = slice(len(kinds) - found.beyond)
    used = np.unique(kinds[layers][tables.available[layers]])
    most = len(used) if max_kinds is None else min(max_kinds, len(used))
    instance, first = found.instance, Outcome(None, -math.inf, False)
    if tables.conversion is None and not tables.tied and tables.passing is None and most == len(used):
        now = time.monotonic()
        first = branching.solve(instance, now + (deadline - now) / 2)
        if first.exhausted:
            return found, first, "branching"
    problem = _problem(found, kinds)
    few = math.comb(len(used), most) <= MOST_SETS
    if not few or not coupled.can_solve(problem, instance.available):
        if first.counts is not None:
            return found, first, "branching"
        raise TooCloseError("formats are coupled too closely to be chosen together with foldings")
    masks = list(_masks(problem, used, most, found.beyond))
    if not masks:
        return found, Outcome(None, math.inf, True), "elimination"
    start = None if first.counts is None else first.counts.argmax(axis=1)
    enough = found.loss_grid.floor(tables.enough) if math.isfinite(tables.enough) else -math.inf
    choice, bound, exhausted = coupled.solve(problem, masks, deadline, start, enough)
    counts = None if choice is None else problem.counts(choice)
    return found, Outcome(counts, max(bound, first.bound), exhausted), "elimination"


def _problem(found: Classes, kinds: Ints) -> Coupled:
    """The coupled problem, in which tied layers are of one kind."""
    tables, instance = found.tables, found.instance
    size = int(kinds.max()) + 1 if tables.passing is None else tables.passing.loss.shape[2]
    converted = np.zeros((size, size), np.int64)
    if tables.conversion is not None:
        converted = found.loss_grid.of(tables.conversion)
        size = len(converted)
    place = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    edges = [(place[a], place[b]) for a, b in tables.edges if a != b]
    apart = ~np.eye(size, dtype=bool)
    tied = [((place[a], place[b]), apart) for a, b in tables.tied]
    heads = np.array([groups[0][0] for groups in found.members])
    problem = Coupled.of(instance, edges, converted, kinds[heads]).barring(tied)
    return passing(problem, found)


def _masks(problem: Coupled, used: Ints, most: int, beyond: int) -> Iterator[NDArray[np.bool_]]:
    """The options of each set of kinds that leaves every layer one; the last groups, as are `beyond`, keep theirs."""
    layers = len(problem.all_kinds) - beyond
    for chosen in itertools.combinations(used.tolist(), most):
        mask = problem.instance.available.copy()
        mask[:layers] &= np.isin(problem.all_kinds[:layers], chosen)
        if mask.any(axis=1).all():
            yield mask
