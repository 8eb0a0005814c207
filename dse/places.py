"""Fronts of rows, one row a place: the first of the rows there stands for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse import hull, pareto

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """What of some rows none of its group beats.

    drawn    the rows without those for which another, at the same place of a front, stands
    fronts   {group: rows, one a place, in order of the first metric}; `hulls` are those on its hull
    shared   {row of a front: how many designs are at its place}, itself included
    """

    drawn: Rows
    fronts: dict[str, Rows]
    hulls: dict[str, Rows]
    shared: dict[int, int]


def of_groups(points: NDArray[np.float64], groups: Mapping[str, Rows], stand_for: Rows | None = None) -> Places:
    """Return the fronts of float[rows, metrics], each minimised; a row counts for `stand_for` designs, by default one.

    groups  {group: rows in rising order}, which may leave rows out, and which share none
    """
    counts = np.ones(len(points), dtype=np.int64) if stand_for is None else stand_for
    drawn: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=1))
    fronts: dict[str, Rows] = {}
    hulls: dict[str, Rows] = {}
    shared: dict[int, int] = {}
    for group, rows in groups.items():
        on, starts = pareto.places(points[rows])
        first = rows[on[starts]]
        drawn[rows[on]], drawn[first] = False, True
        fronts[group], hulls[group] = first, first
        if len(first):
            hulls[group] = first[hull.supported(points[first])]
            shared |= dict(zip(first.tolist(), np.add.reduceat(counts[rows[on]], starts).tolist(), strict=True))
    return Places(np.flatnonzero(drawn), fronts, hulls, shared)
