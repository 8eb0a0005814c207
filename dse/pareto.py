"""Which points no other point beats: the non-dominated ones, every column minimised."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[Any]
"""Floats, or integers that float64 would round: nothing here converts them."""

_BLOCK, _CHUNK = 256, 4096


def mask(points: ArrayLike) -> NDArray[np.bool_]:
    """Return bool[P]: no point is at most this one in every column and less in one; equal points stay together.

    points  float[P, columns], each minimised; inf is allowed, nan is a ValueError
    """
    order, first, kept = _sorted(points)
    result = np.empty(len(order), dtype=bool)
    result[order] = kept[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    return result


def distinct(points: ArrayLike) -> NDArray[np.bool_]:
    """The `mask` without all but the first of equal points: bool[P]."""
    order, _, kept = _sorted(points)
    result = np.empty(len(order), dtype=bool)
    result[order] = kept
    return result


def places(points: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (int64[M], int64[F]): rows that the `mask` keeps, equal points together, and where each of these starts.

    Points are in lexicographic order, rows of equal ones in theirs.
    """
    order, first, kept = _sorted(points)
    starts = np.flatnonzero(first)
    on = kept[starts]
    sizes = np.diff(np.append(starts, len(order)))
    return order[np.repeat(on, sizes)], np.cumsum(sizes[on]) - sizes[on]


def _sorted(points: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Points in lexicographic order: their indices, which differ from the one before, and which of these none beats."""
    table = np.asarray(points, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(f"points must be a [points, columns] table with at least one column, got shape {table.shape}")
    if np.isnan(table).any():
        raise ValueError(f"points must not be nan, got one in row {int(np.argwhere(np.isnan(table))[0, 0])}")
    order = np.lexsort(table.T[::-1])
    rows = table[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    kept = np.zeros(len(rows), dtype=bool)
    kept[first] = sorted_mask(rows[first])
    return order, first, kept


def sorted_mask(rows: Rows) -> NDArray[np.bool_]:
    """The mask of distinct rows in lexicographic order: a row can only be beaten by one before it.

    Kung, Luccio, Preparata, On Finding the Maxima of a Set of Vectors, Journal of the ACM 22(4), 1975, doi
    10.1145/321906.321910: a running minimum decides two columns, a staircase of the two others three; more columns are
    compared with all rows kept before.
    """
    if rows.shape[1] == 1:
        return np.asarray(np.arange(len(rows)) == 0)
    if rows.shape[1] == 2:
        lower: NDArray[np.bool_] = rows[1:, 1] < np.minimum.accumulate(rows[:, 1])[:-1]
        return np.concatenate([[True], lower])
    rest = rows[:, 1:]
    front = rest[:0]
    result = np.zeros(len(rows), dtype=bool)
    beaten, grown = (_under_stairs, _stairs) if rest.shape[1] == 2 else (_beaten, _joined)
    for start in range(0, len(rows), _BLOCK):
        block = rest[start : start + _BLOCK]
        alive = np.flatnonzero(~beaten(front, block))
        alive = alive[~_beaten_by_earlier(block[alive])]
        result[start + alive] = True
        front = grown(front, block[alive])
    return result


def _beaten_by_earlier(block: Rows) -> NDArray[np.bool_]:
    return np.asarray(np.triu(_no_worse(block, block), k=1).any(axis=0))


def _beaten(front: Rows, block: Rows) -> NDArray[np.bool_]:
    result = np.zeros(len(block), dtype=bool)
    for start in range(0, len(front), _CHUNK):
        result |= _no_worse(front[start : start + _CHUNK], block).any(axis=0)
    return result


def _no_worse(rows: Rows, than: Rows) -> NDArray[np.bool_]:
    """Which rows are at most which others in every column: bool[rows, others], a column at a time, which is quickest
    where there are few."""
    first, *others = zip(rows.T, than.T, strict=True)
    found = np.less_equal.outer(*first)
    for column in others:
        found &= np.less_equal.outer(*column)
    return np.asarray(found)


def _joined(front: Rows, added: Rows) -> Rows:
    return np.concatenate([front, added])


def _under_stairs(stairs: Rows, block: Rows) -> NDArray[np.bool_]:
    """Whether a step is no larger in both columns: steps rise in the first and fall in the second."""
    step = np.searchsorted(stairs[:, 0], block[:, 0], side="right") - 1
    found = np.flatnonzero(step >= 0)
    result = np.zeros(len(block), dtype=bool)
    result[found] = stairs[step[found], 1] <= block[found, 1]
    return result


def _stairs(stairs: Rows, added: Rows) -> Rows:
    rows = np.concatenate([stairs, added])
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return rows[sorted_mask(rows)] if len(rows) else rows
