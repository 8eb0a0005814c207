"""The exact Pareto front of one network: every trade of loss for cost that no other plan beats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse import boxes
from dse.boxes import Answer, Point
from dse.hull import supported
from dse.metric import METRICS
from dse.solvers.grid import Grid, to_grid
from dse.solvers.merging import Sums, TooManyPointsError, merge
from dse.tables import Floats, Tables, read

MOST_POINTS = 2_000_000

SHOWN = 40
"""Points of a front that a notebook shows, evenly spaced."""


@dataclass(frozen=True)
class Front:
    """Non-dominated plans in order of their first cost.

    names    of the columns: loss, then the costs
    points   float[points, columns]
    choices  int16[points, layers], the options that make each point
    origin   int[points], which of several problems each is of; None where there is one
    """

    names: tuple[str, ...]
    points: Floats
    choices: NDArray[np.int16] = field(repr=False)
    origin: NDArray[np.int64] | None = field(default=None, repr=False)

    @cached_property
    def supported(self) -> NDArray[np.bool_]:
        """Whether each point is on the lower convex hull: those that some weighted sum of the columns finds."""
        return supported(self.points * signs(self.names))

    def hypervolume(self, reference: ArrayLike) -> float:
        """The volume that the points dominate below a reference point float[columns]; by moocore."""
        from moocore import hypervolume

        sign = signs(self.names)
        return float(hypervolume(self.points * sign, ref=np.asarray(reference, dtype=np.float64) * sign))

    def _repr_html_(self) -> str:
        step = max(1, -(-len(self.points) // SHOWN))
        head = "".join(f"<th>{escape(name)}</th>" for name in self.names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{value:.6g}</td>" for value in point) + "</tr>"
            for point in self.points[::step].tolist()
        )
        shown = f", 1 in {step} shown" if step > 1 else ""
        return f"<table><caption>{len(self.points)} points, all proven{shown}</caption><tr>{head}</tr>{rows}</table>"


def signs(names: Sequence[str]) -> Floats:
    """1 for columns that are better lower, -1 for those better higher: float64[columns]."""
    return np.array([-1.0 if name in METRICS and METRICS[name].better == "higher" else 1.0 for name in names])


def exact(loss: ArrayLike, costs: Mapping[str, ArrayLike], ties: Sequence[Sequence[int]] = ()) -> Front:
    """Return all non-dominated sums of loss and costs, points off the convex hull among them; one plan for each.

    Arguments as in `dse.allocate.solve`. Every point is proven: sums are compared as integers (`solvers.grid`), exactly
    where a table's floats fit a 60-bit grid, else up to 2**-50 of the table's largest sum. Two columns always finish in
    reasonable time; with more, ValueError when a front passes MOST_POINTS points: `stream` has no such limit.
    """
    return _merged(read(loss, costs, {}, ties, None), None)


def stream(
    loss: ArrayLike,
    costs: Mapping[str, ArrayLike],
    ties: Sequence[Sequence[int]] = (),
    *,
    known: Sequence[Answer] = (),
    keep: Callable[[Answer], object] | None = None,
    most: int = MOST_POINTS,
) -> Iterator[Point]:
    """Yield the points of `exact` as they are proven, in order of their values, the loss first.

    Two columns come at once, more after merging where no partial front passes `most` points; else, and where answers
    are to be kept, integer programs find each point (`boxes`). `keep` is told every answer: `known` ones, as a killed
    run left them, are not asked for again. Programs prove a loss to a relative 1e-9: of points whose losses differ by
    less, those that cost less may be told alone.
    """
    tables = read(loss, costs, {}, ties, None)
    try:
        at_once = not known and (len(costs) == 1 or most > 0) and keep is None
        front = _merged(tables, most if len(costs) > 1 else None) if at_once else None
    except TooManyPointsError:
        front = None
    if front is None:
        yield from boxes.points(tables, known, keep)
        return
    for i in np.lexsort(front.points.T[::-1]).tolist():
        yield Point(tuple(front.points[i].tolist()), tuple(front.choices[i].tolist()))


def _merged(tables: Tables, most: int | None) -> Front:
    grids = [to_grid(table) for table in (*tables.costs.values(), tables.loss)]
    merged = merge(_summed(grids, tables), _available(tables), most or MOST_POINTS)
    points = np.stack(
        [np.ldexp(v.astype(np.float64), -g.shift) for v, g in zip(merged.values, grids, strict=True)], axis=1
    )
    kept = _distinct(points)
    return Front(("loss", *tables.costs), np.roll(points[kept], 1, axis=1), _choices(tables, merged, kept))


def _choices(tables: Tables, merged: Sums, kept: NDArray[np.int64]) -> NDArray[np.int16]:
    options = merged.options if len(kept) == len(merged.options) else merged.options[kept]
    if len(tables.groups) == len(tables.loss):
        return options
    choices = np.empty((len(kept), len(tables.loss)), np.int16)
    for i, group in enumerate(tables.groups):
        choices[:, list(group)] = options[:, i, None]
    return choices


def _summed(grids: list[Grid], tables: Tables) -> NDArray[np.int64]:
    """Integer tables [columns, groups, options] of the tied groups."""
    if len(tables.groups) == len(tables.loss):
        return np.stack([grid.values for grid in grids])
    return np.array([[grid.values[list(group)].sum(axis=0) for group in tables.groups] for grid in grids])


def _available(tables: Tables) -> NDArray[np.bool_]:
    return tables.available[[group[0] for group in tables.groups]]


def _distinct(points: Floats) -> NDArray[np.int64]:
    """Rows to keep where rounding to floats made points equal or dominated."""
    if points.shape[1] == 2 and (np.diff(points[:, 0]) > 0).all() and (np.diff(points[:, 1]) < 0).all():
        return np.arange(len(points))
    from moocore import is_nondominated

    return np.flatnonzero(is_nondominated(points))
