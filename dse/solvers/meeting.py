"""Which combinations of two halves fit together: sort one, look up what the other leaves room for.

Horowitz, Sahni, Computing Partitions with Applications to the Knapsack Problem, Journal of the ACM 21(2), 1974, doi
10.1145/321812.321823; here in several budgets at once, by cells as wide as the room that a good plan may leave.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.solvers.enumeration import Half

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEY_BITS = 60
_TIGHT = 4
"""Most budgets whose cells are looked up; the others are compared pair by pair."""
_PAIRS = 1 << 18
"""Pairs compared at a time."""


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
