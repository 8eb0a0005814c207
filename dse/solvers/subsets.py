"""At most F distinct options: one problem for each set of F options, best bound first."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dse.solvers import branching
from dse.solvers.bounded import Bounded
from dse.solvers.instance import Instance, Outcome
from dse.solvers.node import Node

MOST_SUBSETS = 20_000


def count(instance: Instance, most_options: int, beyond: int = 0) -> int:
    """How many sets of options there are to look at."""
    used = len(_used(instance, beyond))
    return math.comb(used, min(most_options, used))


def masks(instance: Instance, most_options: int, beyond: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Yield the options bool[classes, options] of each set that leaves every class one.

    The last classes, so many as are `beyond`, keep all of theirs.
    """
    used = _used(instance, beyond)
    for chosen in itertools.combinations(used, min(most_options, len(used))):
        mask = instance.available.copy()
        mask[: len(mask) - beyond] &= np.isin(np.arange(mask.shape[1]), chosen)
        if mask.any(axis=1).all():
            yield mask


def _used(instance: Instance, beyond: int) -> NDArray[np.int64]:
    """The options that any class takes but for the last ones."""
    available = instance.available
    return np.flatnonzero(available[: len(available) - beyond].any(axis=0))


def solve(instance: Instance, most_options: int, deadline: float = math.inf) -> Outcome:
    """Return the best counts that use at most `most_options` distinct options.

    The multipliers of the whole problem bound each set's; sets whose bound is no better than a known plan are skipped.
    """
    used = np.flatnonzero(instance.available.any(axis=0))
    if len(used) <= most_options:
        return branching.solve(instance, deadline)
    sets = np.array(list(itertools.combinations(used, most_options)))
    bounds = _bounds(instance, sets)
    best = Outcome(None, math.inf, True)
    loss = math.inf
    for rank in np.argsort(bounds, kind="stable"):
        if bounds[rank] >= loss or bounds[rank] == math.inf:
            break
        mask = np.zeros(instance.loss.shape[1], bool)
        mask[sets[rank]] = True
        part = instance.only(mask)
        if not part.available.any(axis=1).all():
            continue
        found = branching.solve(part, deadline, cutoff=loss)
        if found.counts is not None:
            best, loss = found, instance.objective(found.counts)
        if not found.exhausted:
            return Outcome(best.counts, float(min(bounds[rank], loss)), False)
    return replace(best, bound=loss)


def _bounds(instance: Instance, sets: NDArray[np.int64]) -> NDArray[np.float64]:
    """A lower bound on the loss of each set of options, inf where a class has none of them."""
    node = Node.root(instance)
    if node.affordable(instance) is None:
        return np.full(len(sets), math.inf)
    found = Bounded.of(instance, node)
    excess = [found.excess[:, options].min(axis=1) @ node.copies for options in sets]
    return np.asarray(found.bound - found.error + np.array(excess))
