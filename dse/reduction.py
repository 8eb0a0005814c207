"""Many designs to the front of each group: one design a point, and how many more have the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLE = 1024
"""Points whose own front thins the others before the exact pass, where there are at least 4 times as many."""

MOST_KILLERS = 16


@dataclass(frozen=True)
class Rows:
    """Designs as columns.

    index   int64[rows], each design's index in its space
    group   int64[rows], which front it is for
    equals  int64[rows], how many designs of its group have these objectives, itself included
    values  float64[rows, columns], the objectives first, each to be minimised
    """

    index: NDArray[np.int64]
    group: NDArray[np.int64]
    equals: NDArray[np.int64]
    values: Floats

    def take(self, which: NDArray[np.int64]) -> "Rows":
        """The rows at these positions."""
        return Rows(self.index[which], self.group[which], self.equals[which], self.values[which])

    def __len__(self) -> int:
        return len(self.index)


def join(parts: list[Rows]) -> Rows:
    """Rows after one another."""
    columns = ([getattr(p, n) for p in parts] for n in ("index", "group", "equals", "values"))
    return Rows(*(np.concatenate(column) for column in columns))


def reduce(rows: Rows, objectives: int) -> Rows:
    """Return the front of each group in order of group, objectives, index: the first design by index of each point.

    Whatever the order or the partition of the input, the result is the same: fronts of parts reduce to the front of
    all. Objectives must be finite. Exact: moocore's non-dominated sort (Kung, Luccio, Preparata, Journal of the ACM
    22(4), 1975, doi 10.1145/321906.321910) after points worse in every objective than one of a sample are dropped.
    """
    kept = [_front(rows, which, objectives) for which in _by_group(rows.group)]
    if not kept:
        return rows
    return join(kept)


def _by_group(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    if not len(group):
        return []
    if (group == group[0]).all():
        return [np.arange(len(group))]
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _front(rows: Rows, which: NDArray[np.int64], objectives: int) -> Rows:
    points = rows.values[which, :objectives]
    alive = _thinned(points)
    which, points = which[alive], points[alive]
    best = _nondominated(points)
    which, points = which[best], points[best]
    order = np.lexsort((rows.index[which], *points.T[::-1]))
    which, points = which[order], points[order]
    first = np.append(True, (points[1:] != points[:-1]).any(axis=1))
    starts = np.flatnonzero(first)
    found = rows.take(which[starts])
    equals = np.add.reduceat(rows.equals[which], starts)
    return Rows(found.index, found.group, equals, found.values)


def _nondominated(points: Floats) -> NDArray[np.bool_]:
    """Points that none beats, equal ones together."""
    if points.shape[1] == 1:
        return np.asarray(points[:, 0] == points[:, 0].min())
    import moocore

    return np.asarray(moocore.is_nondominated(points, keep_weakly=True))


def _thinned(points: Floats) -> NDArray[np.int64]:
    """Positions of the points that no point of a sample's front beats in every objective."""
    if len(points) < 4 * SAMPLE:
        return np.arange(len(points))
    sample = points[:: len(points) // SAMPLE]
    front = sample[_nondominated(sample)]
    killers = np.unique(front, axis=0)
    killers = killers[:: -(-len(killers) // MOST_KILLERS)]
    beaten = np.zeros(len(points), dtype=bool)
    columns = np.ascontiguousarray(points.T)
    for killer in killers:
        beaten |= np.logical_and.reduce([column > limit for column, limit in zip(columns, killer, strict=True)])
    return np.flatnonzero(~beaten)
