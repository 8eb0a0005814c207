"""Half of a problem's plans: all combinations of options whose excess over a Lagrangian bound is within reach.

A plan's loss is the bound plus the excess of its options plus the priced room it leaves (`lagrangian`), so plans better
than a known one have a small excess and leave little room in each budget. Two halves are listed apart and brought
together in `meeting`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 192
"""Bins of excess in which combinations are counted before they are listed."""


@dataclass(frozen=True)
class Item:
    """An alternative to its class's base option: what one copy that takes it adds to excess, loss and costs."""

    group: int
    option: int
    copies: int
    excess: float
    loss: int
    costs: Ints


@dataclass(frozen=True)
class Half:
    """Combinations of items: columns of excess, loss and costs [budgets, combinations], and how each was made."""

    items: tuple[Item, ...]
    excess: Floats
    loss: Ints
    costs: Ints
    origin: tuple[tuple[int, Ints, Ints], ...]
    rows: Ints

    def within(self, reach: float) -> "Half":
        """The combinations whose excess is within reach."""
        kept = np.flatnonzero(self.excess <= reach)
        return Half(self.items, self.excess[kept], self.loss[kept], self.costs[:, kept], self.origin, self.rows[kept])

    def taken(self, index: int) -> list[tuple[Item, int]]:
        """The items of a combination, with how many copies take each."""
        found = []
        index = int(self.rows[index])
        for item, (before, parent, times) in zip(reversed(self.items), reversed(self.origin), strict=True):
            if index >= before:
                found.append((item, int(times[index - before])))
                index = int(parent[index - before])
        return found


def split(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Deal the classes, least excess first, into two halves; a class's items stay together."""
    groups: dict[int, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.excess):
        groups.setdefault(item.group, []).append(item)
    dealt = list(groups.values())
    return [i for g in dealt[::2] for i in g], [i for g in dealt[1::2] for i in g]


def few_within(items: Sequence[Item], reach: float, most: int) -> bool:
    """Whether at most `most` combinations are within reach; by counting."""
    return _bins_within(items, reach / _BINS, most) == _BINS


def reach_within(items: Sequence[Item], farthest: float, most: int) -> float:
    """A reach up to `farthest` within which there are at most `most` combinations, -1 if there is none; by counting."""
    for _ in range(40):
        within = _bins_within(items, farthest / _BINS, most)
        if within == _BINS:
            return farthest
        if within > _BINS // 8:
            return farthest * within / _BINS
        farthest *= max(within, 1) / _BINS
    return -1.0


def _bins_within(items: Sequence[Item], width: float, most: int) -> int:
    """How many bins of that width hold at most `most` combinations; excesses round down, so that none is missed."""
    counts = np.zeros(_BINS + 1)
    counts[0] = 1.0
    for _, group in itertools.groupby(items, key=lambda item: item.group):
        before = counts.copy()
        for item in group:
            bins = int(item.excess / width) if item.excess < width * (_BINS + 1) else _BINS + 1
            source = (before if item.copies == 1 else counts).copy()
            for start in range(bins, min(item.copies * bins, _BINS) + 1, bins) if bins else ():
                counts[start:] += source[: _BINS + 1 - start]
            if not bins:
                counts += item.copies * source
        if counts[0] > most:
            return 0
    return int(np.searchsorted(np.cumsum(counts[:-1]), most, side="right"))


def combine(items: Sequence[Item], reach: float, budgets: int) -> Half:
    """List every combination of the items whose excess is within reach, each class's copies never overdrawn."""
    items = [item for item in items if item.excess <= reach]
    excess, loss, costs = np.zeros(1), np.zeros(1, np.int64), np.zeros((budgets, 1), np.int64)
    used, group = np.zeros(1, np.int64), -1
    origin = []
    for item in items:
        if item.group != group:
            used, group = np.zeros(len(excess), np.int64), item.group
        parent, times = _extensions(item, excess, used, reach)
        origin.append((len(excess), parent, times))
        excess = np.concatenate([excess, excess[parent] + times * item.excess])
        loss = np.concatenate([loss, loss[parent] + times * item.loss])
        used = np.concatenate([used, used[parent] + times])
        costs = np.concatenate([costs, costs[:, parent] + times * item.costs[:, None]], axis=1)
    return Half(tuple(items), excess, loss, costs, tuple(origin), np.arange(len(excess)))


def _extensions(item: Item, excess: Floats, used: Ints, reach: float) -> tuple[Ints, Ints]:
    """The combinations that can take one copy of the item or more, and how many: (parents, times)."""
    parents = []
    for times in range(1, item.copies + 1):
        found = np.flatnonzero((excess + times * item.excess <= reach) & (used + times <= item.copies))
        if not len(found):
            break
        parents.append(found)
    if not parents:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(parents), np.repeat(np.arange(1, len(parents) + 1), [len(p) for p in parents])
