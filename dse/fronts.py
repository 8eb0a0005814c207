"""The front of a named problem, or of several together: every trade between metrics, with the plan of each point."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from heapq import merge
from pathlib import Path

import numpy as np

from costmodel.catalog import require
from dse import frontier
from dse.boxes import Point
from dse.frontier import Front
from dse.metric import Metric
from dse.pareto import mask
from dse.points_file import PointsFile, key
from dse.problem import Floats, Problem

Ties = Sequence[Sequence[str]]


def front(over: Problem | Sequence[Problem], metrics: Sequence[Metric], ties: Ties = ()) -> Front:
    """Return the exact front of metrics that add up over layers, every point proven; columns in the order of `metrics`.

    Of several problems, as `foldings.laid_out` gives them, the points that no point of any of them beats; where two
    have the same point, it is the first one's. `ties` as in `minimize`. ValueError for fewer than two metrics, one
    named twice, or one that does not add up.
    """
    found = [_of_one(problem, metrics, ties) for problem in _several(over)]
    if len(found) == 1:
        return found[0]
    points, choices = (np.concatenate([getattr(each, name) for each in found]) for name in ("points", "choices"))
    origin = np.repeat(np.arange(len(found)), [len(each.points) for each in found])
    order = np.lexsort((origin, *points.T[:1], *points.T[:0:-1]))
    new = np.append(True, (np.diff(points[order], axis=0) != 0).any(axis=1))
    kept = order[new][mask(points[order][new])]
    return Front(found[0].names, points[kept], choices[kept], origin[kept])


def stream(
    over: Problem | Sequence[Problem],
    metrics: Sequence[Metric],
    ties: Ties = (),
    *,
    file: str | Path | None = None,
    most: int = frontier.MOST_POINTS,
) -> Iterator[Point]:
    """Yield the points of `front` as they are proven, in order of the first metric, values in the order of `metrics`.

    With a `file`, each point is an integer program's and kept there before it is yielded: the same call after a kill
    goes on with what the file holds and ends with the same points. Without one, the points come at once where no
    partial front passes `most`.
    """
    problems = _several(over)
    tables, groups = [_tables(problem, metrics) for problem in problems], problems[0].groups(ties)
    kept = PointsFile(Path(file), key(tables, groups)) if file else None
    parts = [_part(i, each, groups, kept, most) for i, each in enumerate(tables)]
    if len(parts) == 1:
        yield from parts[0]
        return
    proven = np.empty((0, len(metrics)))
    for point in merge(*parts, key=lambda point: point.values):  # what beats a point comes before it
        if not (proven <= point.values).all(axis=1).any():
            proven = np.vstack([proven, point.values])
            yield point


def _several(over: Problem | Sequence[Problem]) -> Sequence[Problem]:
    return [over] if isinstance(over, Problem) else over


def _of_one(problem: Problem, metrics: Sequence[Metric], ties: Ties) -> Front:
    tables = _tables(problem, metrics)
    first, *rest = tables
    found = frontier.exact(tables[first], {name: tables[name] for name in rest}, problem.groups(ties))
    return Front(tuple(tables), found.points, found.choices)


def _part(
    origin: int, tables: dict[str, Floats], groups: list[list[int]], file: PointsFile | None, most: int
) -> Iterator[Point]:
    """The points of one of several problems, in order of their values."""
    first, *rest = tables
    costs = {name: tables[name] for name in rest}
    if file is None:
        found = frontier.stream(tables[first], costs, groups, most=most)
    else:
        known, keep = file.answers(origin), partial(file.keep, part=origin)
        found = frontier.stream(tables[first], costs, groups, known=known, keep=keep, most=0)
    return (replace(point, origin=origin) for point in found)


def _tables(problem: Problem, metrics: Sequence[Metric]) -> dict[str, Floats]:
    tables = {"loss": problem.loss, **{n: t for n, t in problem.costs.items() if n != "cycles"}}
    names = [require("objective", metric.name, tables) for metric in metrics]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"a front needs at least two different objectives, got {', '.join(names) or 'none'}")
    return {name: tables[name] for name in names}
