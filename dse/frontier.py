"""The exact Pareto front of one network: every trade of loss for cost that no other plan beats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel import display
from dse import boxes
from dse.boxes import Answer, Point, Sought
from dse.exact import exact_sum
from dse.hull import supported
from dse.metric import METRICS
from dse.plan import require_formats
from dse.solvers.grid import Grid, to_grid
from dse.solvers.merging import Sums, TooManyPointsError, merge
from dse.tables import Floats, Tables, read

MOST_POINTS = 2_000_000

SHOWN = 40
"""Points of a front that a notebook shows, evenly spaced."""


@dataclass(frozen=True)
class Within:
    """What the plans of a front keep, beside ties.

    budgets      {name: (float[layers, options], limit)}; of a name that is a cost, the limit alone is taken
    conversion   float[options, options] added to the loss for each of the edges (from, to), None = nothing
    max_formats  distinct options used at most, None = any
    """

    budgets: Mapping[str, tuple[ArrayLike, float]] = field(default_factory=dict)
    conversion: ArrayLike | None = None
    edges: Sequence[tuple[int, int]] | None = None
    max_formats: int | None = None


@dataclass(frozen=True)
class Front:
    """Non-dominated plans in order of their first cost.

    names    of the columns: loss, then the costs
    points   float[points, columns]
    choices  int16[points, layers], the options that make each point
    origin   int[points], which of several problems each is of; None where there is one
    proven   whether no plan beats a point; else they are those of a search whose tables price some of it apart
    """

    names: tuple[str, ...]
    points: Floats
    choices: NDArray[np.int16] = field(repr=False)
    origin: NDArray[np.int64] | None = field(default=None, repr=False)
    proven: bool = True

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
        points = display.spread(self.points.tolist(), SHOWN)
        head = "".join(f"<th>{escape(name)}</th>" for name in self.names)
        rows = "".join("<tr>" + "".join(f"<td>{value:.6g}</td>" for value in point) + "</tr>" for point in points)
        shown = ", all proven" * self.proven + display.of_all(len(points), len(self.points))
        return f"<table><caption>{len(self.points)} points{shown}</caption><tr>{head}</tr>{rows}</table>"


def signs(names: Sequence[str]) -> Floats:
    """1 for columns that are better lower, -1 for those better higher: float64[columns]."""
    return np.array([-1.0 if name in METRICS and METRICS[name].better == "higher" else 1.0 for name in names])


def exact(
    loss: ArrayLike,
    costs: Mapping[str, ArrayLike],
    ties: Sequence[Sequence[int]] = (),
    within: Within | None = None,
    *,
    most: int = MOST_POINTS,
) -> Front:
    """Return all non-dominated sums of loss and costs, points off the convex hull among them; one plan for each.

    Arguments as in `dse.allocate.solve`, budgets and couplings as `Within`. Every point is proven: sums are compared as
    integers (`solvers.grid`), exactly where a table's floats fit a 60-bit grid; else entries are rounded down to at
    most 2**-58 of what so many layers of the largest entry sum to, and of plans whose entries so differ one may stand
    for others. No plan exceeds a budget by any amount. Two columns always finish in reasonable time; with more,
    TooManyPointsError when a front passes `most` points: `stream` has no such limit. With conversions an integer
    program finds each point, as in `stream`.
    """
    sought = _sought(loss, costs, ties, within)
    if sought is not None and sought.tables.conversion is None:
        return _merged(sought, most)
    found = sorted(boxes.points(sought) if sought else (), key=lambda point: point.values[1:])
    values, choices = ([getattr(point, name) for point in found] for name in ("values", "choice"))
    points = np.array(values, np.float64).reshape(len(found), 1 + len(costs))
    return Front(("loss", *costs), points, np.array(choices, np.int16).reshape(len(found), len(np.asarray(loss))))


def stream(
    loss: ArrayLike,
    costs: Mapping[str, ArrayLike],
    ties: Sequence[Sequence[int]] = (),
    within: Within | None = None,
    *,
    known: Sequence[Answer] = (),
    keep: Callable[[Answer], object] | None = None,
    most: int = MOST_POINTS,
) -> Iterator[Point]:
    """Yield the points of `exact` as they are proven, in order of their values, the loss first.

    Two columns come at once, more after merging where no partial front passes `most` points; else, and where answers
    are to be kept or formats are converted, integer programs find each point (`boxes`). `keep` is told every answer:
    `known` ones, as a killed run left them, are not asked for again. Programs prove a loss to a relative 1e-9: of
    points whose losses differ by less, those that cost less may be told alone. Ctrl-C ends the search at once with
    KeyboardInterrupt: what is told or kept is proven.
    """
    sought = _sought(loss, costs, ties, within)
    if sought is None:
        return
    try:
        at_once = not known and (len(costs) == 1 or most > 0) and keep is None and sought.tables.conversion is None
        front = _merged(sought, most if len(sought.tables.costs) > 1 else None) if at_once else None
    except TooManyPointsError:
        front = None
    if front is None:
        yield from boxes.points(sought, known, keep)
        return
    for i in np.lexsort(front.points.T[::-1]).tolist():
        yield Point(tuple(front.points[i].tolist()), tuple(front.choices[i].tolist()))


def _sought(
    loss: ArrayLike, costs: Mapping[str, ArrayLike], ties: Sequence[Sequence[int]], within: Within | None
) -> Sought | None:
    """What to look for, None where some layer has no option that keeps every budget on its own.

    Without budgets that nothing can break, and options that alone exceed one: either would make the grid coarser.
    """
    given = within or Within()
    if not isinstance(costs, Mapping):
        raise TypeError(f"costs must be a mapping of names to a table each, got a {type(costs).__name__}")
    require_formats(given.max_formats)
    limited = {name: table for name, (table, _) in given.budgets.items() if name not in costs}
    limits = {name: limit for name, (_, limit) in given.budgets.items()}
    tables = read(loss, {**costs, **limited}, limits, ties, given.conversion, given.edges)
    kept = [table <= tables.limits[name] for name, table in tables.costs.items() if name in tables.limits]
    narrowed = tables.keep(np.logical_and.reduce([tables.available, *kept]))
    if narrowed is None:
        return None
    binding = {n: at for n, at in limits.items() if at < exact_sum(narrowed.costs[n].max(axis=1))}
    used = {name: table for name, table in narrowed.costs.items() if name in costs or name in binding}
    return Sought(replace(narrowed, costs=used, limits=binding), tuple(costs), given.max_formats)


def _merged(sought: Sought, most: int | None) -> Front:
    tables, names = sought.tables, sought.names
    grids = [to_grid(table) for table in (*tables.costs.values(), tables.loss)]
    columns = [*[list(tables.costs).index(name) for name in names], len(tables.costs)]
    budgets = [i for i, name in enumerate(tables.costs) if name not in names]
    parts = [_sums(tables, grids, available, most, budgets) for available in sought.sets()]
    if not all(_held(tables, grids, each, True)[_held(tables, grids, each, False)].all() for _, each in parts):
        parts += [_sums(tables, grids, available, most, budgets, surely=True) for available in sought.sets()]
    points, choices = (np.concatenate(each) for each in zip(*parts, strict=True))
    rows = np.flatnonzero(_held(tables, grids, choices, True))
    kept = rows[_distinct(points[rows][:, columns])]
    return Front(("loss", *names), np.roll(points[kept][:, columns], 1, axis=1), choices[kept])


def _held(tables: Tables, grids: list[Grid], choices: NDArray[np.int16], exactly: bool) -> NDArray[np.bool_]:
    """Which choices keep every limit on its grid; `exactly` without what its rounding hides, by sums of rationals."""
    layers, found = np.arange(len(tables.loss)), np.ones(len(choices), bool)
    for (name, table), grid in zip(tables.costs.items(), grids, strict=False):
        limit = tables.limits.get(name, np.inf)
        if limit < np.inf:
            room = grid.floor(limit) - grid.values[layers, choices].sum(axis=1)
            found &= room >= 0
            doubt = found & (room < len(layers)) & (exactly and not grid.exact)
            for row in np.flatnonzero(doubt).tolist():
                found[row] = exact_sum(table[layers, choices[row]]) <= Fraction(limit)
    return found


def _sums(
    tables: Tables,
    grids: list[Grid],
    available: NDArray[np.bool_],
    most: int | None,
    budgets: list[int],
    *,
    surely: bool = False,
) -> tuple[Floats, NDArray[np.int16]]:
    """The non-dominated sums of all costs and the loss among available options, and their options.

    Budgets are kept on their grids, which may admit what rounding down hides; `surely` only what keeps them whatever
    was rounded.
    """
    first = [group[0] for group in tables.groups]
    limits = {i: grids[i].floor(tables.limits[n]) for i, n in enumerate(tables.costs) if n in tables.limits}
    if surely:
        limits = {i: limit - (0 if grids[i].exact else len(tables.loss)) for i, limit in limits.items()}
    merged = merge(_summed(grids, tables), available[first], most or MOST_POINTS, limits, budgets)
    points = np.stack(
        [np.ldexp(v.astype(np.float64), -g.shift) for v, g in zip(merged.values, grids, strict=True)], axis=1
    )
    return points, _choices(tables, merged)


def _choices(tables: Tables, merged: Sums) -> NDArray[np.int16]:
    options = merged.options
    if len(tables.groups) == len(tables.loss):
        return options
    choices = np.empty((len(options), len(tables.loss)), np.int16)
    for i, group in enumerate(tables.groups):
        choices[:, list(group)] = options[:, i, None]
    return choices


def _summed(grids: list[Grid], tables: Tables) -> NDArray[np.int64]:
    """Integer tables [columns, groups, options] of the tied groups."""
    if len(tables.groups) == len(tables.loss):
        return np.stack([grid.values for grid in grids])
    return np.array([[grid.values[list(group)].sum(axis=0) for group in tables.groups] for grid in grids])


def _distinct(points: Floats) -> NDArray[np.int64]:
    """One row of each non-dominated point, by the first column; rounding to floats makes points equal or dominated."""
    if points.shape[1] == 2 and (np.diff(points[:, 0]) > 0).all() and (np.diff(points[:, 1]) < 0).all():
        return np.arange(len(points))
    order = np.lexsort(points.T[::-1])
    if not len(points) or points.shape[1] == 1:
        return order[:1]
    from moocore import is_nondominated

    found: NDArray[np.int64] = order[is_nondominated(points[order])]
    return found
