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
from dse.solvers.instance import Instance, Outcome
from dse.tables import Tables

Ints = NDArray[np.int64]

MOST_SETS = 500
"""Most sets of formats that are bounded one by one."""
_FAR = np.iinfo(np.int64).max


def dispatch(tables: Tables, kinds: Ints, max_kinds: int | None, deadline: float) -> tuple[Classes, Outcome, str]:
    """Solve tables whose options are of `kinds` [layers, options], as `choose.dispatch` does.

    A difference of tied layers costs more than any plan, so that elimination keeps them alike. Where layers are
    coupled too closely for that, TimeoutError.
    """
    used = np.unique(kinds[tables.available])
    most = len(used) if max_kinds is None else min(max_kinds, len(used))
    found = classes(tables, merge=False)
    instance, first = found.instance, Outcome(None, -math.inf, False)
    if tables.conversion is None and not tables.tied and most == len(used):
        now = time.monotonic()
        first = branching.solve(instance, now + (deadline - now) / 2)
        if first.exhausted or first.interrupted:
            return found, first, "branching"
    problem, cutoff = _problem(found, kinds)
    few = math.comb(len(used), most) <= MOST_SETS
    if not few or not coupled.can_solve(problem, instance.available):
        if first.counts is not None:
            return found, first, "branching"
        raise TimeoutError("formats are coupled too closely to be chosen together with foldings")
    masks = list(_masks(instance, kinds, used, most))
    if not masks:
        return found, Outcome(None, math.inf, True), "elimination"
    start = None if first.counts is None else first.counts.argmax(axis=1)
    choice, bound, exhausted = coupled.solve(problem, masks, deadline, start, cutoff)
    counts = None if choice is None else problem.counts(choice)
    return found, Outcome(counts, max(bound, first.bound), exhausted), "elimination"


def _problem(found: Classes, kinds: Ints) -> tuple[Coupled, float]:
    """The coupled problem, and what a difference of tied layers costs: more than any plan that has none."""
    tables, instance = found.tables, found.instance
    size = int(kinds.max()) + 1 if tables.conversion is None else len(tables.conversion)
    converted = np.zeros((size, size), np.int64)
    if tables.conversion is not None:
        converted = found.loss_grid.of(tables.conversion)
    place = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    edges = [(place[a], place[b]) for a, b in tables.edges if a != b]
    tied = [(place[a], place[b]) for a, b in tables.tied]
    heads = np.array([groups[0][0] for groups in found.members])
    lowest = np.where(instance.available, instance.loss, _FAR).min(axis=1)
    spread = np.where(instance.available, instance.loss, lowest[:, None]).max(axis=1) - lowest
    apart = int(spread.sum()) + len(edges) * int(converted.max()) + 1
    problem = Coupled.of(instance, edges, converted, kinds[heads])
    ties = Coupled.of(instance, tied, apart * (1 - np.eye(size, dtype=np.int64)), kinds[heads])
    return problem.with_pairs(ties), float(apart) if tied else math.inf


def _masks(instance: Instance, kinds: Ints, used: Ints, most: int) -> Iterator[NDArray[np.bool_]]:
    """The options of each set of kinds that leaves every layer one."""
    for chosen in itertools.combinations(used.tolist(), most):
        mask = instance.available & np.isin(kinds, chosen)
        if mask.any(axis=1).all():
            yield mask
