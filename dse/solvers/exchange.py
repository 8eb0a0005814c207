"""A better plan near a given one by exchanges: two layers move at once, so that what one leaves of a budget is used.

The neighbourhood of Hifi, Michrafy, Sbihi, A Reactive Local Search-Based Algorithm for the Multiple-Choice
Multi-Dimensional Knapsack Problem, Computational Optimization and Applications 33, 2006, doi
10.1007/s10589-005-3057-0, among the moves of least reduced cost. It closes what rounding leaves where losses follow the
costs, so that many plans have the relaxation's value and few fill a budget to the last unit.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.interrupts import late
from dse.solvers.instance import Counts, Instance
from dse.solvers.rounding import moves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FIRST, _SECOND = 600, 4000
"""Moves of least reduced cost of which one is taken, and those of which the other is."""
_AT_ONCE = 50
"""First moves that are looked at together: as many pairs as a cache holds."""
_KICKS = 20


@dataclass(frozen=True)
class _Moves:
    """Moves of a layer from (class, option) `start` to an option `end`, by rising reduced cost; the last is none."""

    row: Ints
    start: Ints
    end: Ints
    loss: Ints
    costs: Ints

    def made(self, counts: Counts, i: int) -> None:
        """Change counts by a move."""
        if self.row[i] >= 0:
            group, option = self.start[i]
            counts[group, option] -= 1
            counts[group, self.end[i]] += 1


def exchanged(
    instance: Instance, counts: Counts, multipliers: Floats, least: float = -math.inf, until: float = math.inf
) -> Counts:
    """Return the best counts found by exchanges, of no more loss than the given ones and within budgets as they are.

    Where none saves anything, some that cost nothing are made at random, from a fixed seed. Ends at a loss of `least`,
    when that has helped _KICKS times in a row no more, or when it is late.
    """
    best, found, kicks, random = counts, counts.copy(), 0, np.random.default_rng(0)
    while kicks <= _KICKS and instance.objective(best) > least and not late(until):
        room = instance.limits - instance.uncertain - instance.spent(found)
        near = _near(instance, found, multipliers)
        if not _take(near, found, room, _saving(near, room)):
            kicks += 1
            _take(near, found, room, _sideways(near, room, random))
        elif instance.objective(found) < instance.objective(best):
            best, kicks = found.copy(), 0
    return best


def _near(instance: Instance, counts: Counts, multipliers: Floats) -> _Moves:
    rows = np.argwhere(counts > 0)
    loss, costs = moves(instance, rows)
    loss[np.arange(len(rows)), rows[:, 1]] = np.inf
    price = (loss + np.tensordot(multipliers, costs.astype(np.float64), axes=1)).ravel()
    most = min(_SECOND, int(np.isfinite(price).sum()))
    chosen = np.argpartition(price, most - 1)[:most] if most else np.arange(0)
    chosen = chosen[np.argsort(price[chosen], kind="stable")]
    row, end = np.divmod(chosen, loss.shape[1])
    flat = costs.reshape(len(costs), loss.size)[:, chosen]
    return _Moves(
        np.append(row, -1),
        np.vstack([rows[row], [[0, 0]]]),
        np.append(end, 0),
        np.append(loss.ravel()[chosen].astype(np.int64), 0),
        np.hstack([flat, np.zeros((len(flat), 1), np.int64)]),
    )


def _saving(near: _Moves, room: Ints) -> list[tuple[int, int, int]]:
    """(loss added, first, second) of the exchange of each first move that saves most, the best first."""
    pairs = []
    for first, added, good in _pairs(near, room):
        added[~good] = 0
        best = added.argmin(axis=1)
        pairs += [(int(added[i, j]), first.start + i, j) for i, j in enumerate(best.tolist()) if added[i, j] < 0]
    return sorted(pairs)


def _sideways(near: _Moves, room: Ints, random: np.random.Generator) -> list[tuple[int, int, int]]:
    """Exchanges that leave the loss as it is, one at random of each first move, in random order."""
    pairs = []
    for first, added, good in _pairs(near, room):
        even = np.argwhere(good & (added == 0))
        _, at = np.unique(even[order := random.permutation(len(even)), 0], return_index=True)
        pairs += [(0, first.start + i, j) for i, j in even[order[at]].tolist()]
    return [pairs[i] for i in random.permutation(len(pairs)).tolist()]


def _pairs(near: _Moves, room: Ints) -> Iterator[tuple[slice, Ints, NDArray[np.bool_]]]:
    """Parts of the first moves, what each adds to the loss with each second, and whether they are of two layers and
    keep the budgets."""
    last = min(_FIRST, len(near.row) - 1)
    for at in range(0, last, _AT_ONCE):
        first = slice(at, min(at + _AT_ONCE, last))
        good = near.row[first, None] != near.row
        for cost, left in zip(near.costs, room, strict=True):
            good &= cost[first, None] + cost <= left
        yield first, near.loss[first, None] + near.loss, good


def _take(near: _Moves, found: Counts, room: Ints, pairs: Sequence[tuple[int, int, int]]) -> bool:
    """Make exchanges in order, each where its layers have not moved yet and budgets are kept; whether any was."""
    touched: set[int] = set()
    for _, one, other in pairs:
        added = near.costs[:, one] + near.costs[:, other]
        rows = {int(near.row[one]), int(near.row[other])} - {-1}
        if not (rows & touched or (added > room).any()):
            near.made(found, one)
            near.made(found, other)
            room = room - added
            touched |= rows
    return bool(touched)
