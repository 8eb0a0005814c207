"""All plans whose options' excess over a Lagrangian bound sums to at most a reach, from two halves that meet.

A plan's loss is the bound plus the excess of its options plus the priced room it leaves (`lagrangian`), so plans better
than a known one have a small excess and leave little room in each budget. Horowitz, Sahni, Computing Partitions with
Applications to the Knapsack Problem, Journal of the ACM 21(2), 1974, doi 10.1145/321812.321823: list the two halves
apart, sort one, and look up what fits; here in cells as wide as the room that a good plan may leave.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS = 192
_KEY_BITS = 60
_TIGHT = 4
"""Most budgets whose cells are looked up; the others are compared pair by pair."""
_PAIRS = 1 << 18
"""Pairs compared at a time."""


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


@dataclass(frozen=True)
class Meeting:
    """The right half sorted into cells, so that the partners of a left combination lie in a few runs."""

    order: Ints
    begin: Ints
    end: Ints
    rows: Ints

    @property
    def pairs(self) -> int:
        """How many pairs would be compared."""
        return int((self.end - self.begin).sum())

    def chunks(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield (left, right) indices of the pairs, a bounded number at a time."""
        lengths = self.end - self.begin
        after = np.cumsum(lengths)
        start = 0
        while start < len(lengths):
            done = after[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(after, done + _PAIRS, side="right")))
            count = lengths[start:stop]
            offsets = np.repeat(self.begin[start:stop] - (after[start:stop] - count - done), count)
            yield np.repeat(self.rows[start:stop], count), self.order[np.arange(after[stop - 1] - done) + offsets]
            start = stop


def meet(left: Half, right: Half, room: Ints, widths: Floats) -> Meeting:
    """Pair combinations whose costs sum to at most `room` and leave less than `widths` of it, and few others."""
    low, span = right.costs.min(axis=1), np.ptp(right.costs, axis=1)
    tight = np.flatnonzero(widths < span)
    tight = tight[np.argsort(widths[tight] / span[tight])][:_TIGHT]
    if not len(tight):
        rows = np.arange(len(left.loss))
        return Meeting(np.arange(len(right.loss)), np.zeros_like(rows), np.full_like(rows, len(right.loss)), rows)
    coarsest = span[tight] // (1 << (_KEY_BITS // len(tight))) + 1
    size = np.maximum(widths[tight].astype(np.int64) + 1, coarsest)[:, None]
    cells = span[tight, None] // size + 1
    radix = np.append(np.cumprod(cells[:0:-1, 0])[::-1], 1)[:, None]
    keys = ((right.costs[tight] - low[tight, None]) // size * radix).sum(axis=0)
    order = np.argsort(keys, kind="stable")
    top = ((room - low)[tight, None] - left.costs[tight]) // size
    runs = [_run(keys[order], top - down, cells, radix) for down in _neighbours(len(tight))]
    rows, begin, end = (np.concatenate(parts) for parts in zip(*runs, strict=True))
    return Meeting(order, begin, end, rows)


def _neighbours(budgets: int) -> Iterator[Ints]:
    """The cells below the top one, last budget aside, whose cells lie in one run."""
    for down in itertools.product((0, 1), repeat=budgets - 1):
        yield np.array([*down, 0])[:, None]


def _run(keys: Ints, top: Ints, cells: Ints, radix: Ints) -> tuple[Ints, Ints, Ints]:
    """The left rows that may have partners in cell `top` or next to it along the last budget, and their runs."""
    inside = ((top[:-1] >= 0) & (top[:-1] < cells[:-1])).all(axis=0) & (top[-1] >= 0) & (top[-1] <= cells[-1])
    rows = np.flatnonzero(inside)
    start = (top[:-1, rows] * radix[:-1]).sum(axis=0)
    begin = np.searchsorted(keys, start + np.maximum(top[-1, rows] - 1, 0), side="left")
    end = np.searchsorted(keys, start + np.minimum(top[-1, rows], cells[-1] - 1), side="right")
    return rows, begin, end
