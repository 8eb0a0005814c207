"""The exact Pareto front of one network: every trade of loss for cost that no other plan beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.pareto import mask
from dse.solvers.grid import Grid, to_grid
from dse.solvers.merging import merge
from dse.tables import Floats, Tables, read

MOST_POINTS = 300_000


@dataclass(frozen=True)
class Front:
    """Non-dominated plans in order of their first cost.

    names    of the columns: loss, then the costs
    points   float[points, columns]
    choices  int[points, layers], the options that make each point
    """

    names: tuple[str, ...]
    points: Floats
    choices: NDArray[np.int64]


def exact(loss: ArrayLike, costs: Mapping[str, ArrayLike], ties: Sequence[Sequence[int]] = ()) -> Front:
    """Return all non-dominated sums of loss and costs, points off the convex hull among them; one plan for each.

    Arguments as in `dse.allocate.solve`. Every point is proven: sums are compared as integers (`solvers.grid`), exactly
    where a table's floats fit a 60-bit grid, else up to 2**-50 of the table's largest sum. Two columns always finish in
    reasonable time; with more, ValueError when a front passes MOST_POINTS points.
    """
    tables = read(loss, costs, {}, ties, None)
    grids = [to_grid(table) for table in (*tables.costs.values(), tables.loss)]
    merged = merge(_summed(grids, tables), _available(tables), MOST_POINTS)
    points = np.stack(
        [np.ldexp(v.astype(np.float64), -g.shift) for v, g in zip(merged.values, grids, strict=True)], axis=1
    )
    kept = _distinct(points)
    choices = np.empty((len(tables.loss), len(kept)), np.int64)
    for options, group in zip(merged.options, tables.groups, strict=True):
        choices[list(group)] = options[kept]
    return Front(("loss", *tables.costs), np.roll(points[kept], 1, axis=1), choices.T)


def _summed(grids: list[Grid], tables: Tables) -> NDArray[np.int64]:
    """Integer tables [columns, groups, options] of the tied groups."""
    return np.array([[grid.values[list(group)].sum(axis=0) for group in tables.groups] for grid in grids])


def _available(tables: Tables) -> NDArray[np.bool_]:
    return tables.available[[group[0] for group in tables.groups]]


def _distinct(points: Floats) -> NDArray[np.int64]:
    """Rows to keep where rounding to floats made points equal or dominated."""
    first = np.append(True, (points[1:] != points[:-1]).any(axis=1))
    kept = np.flatnonzero(first)
    return kept[mask(points[kept])]
