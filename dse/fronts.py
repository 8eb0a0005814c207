"""The front of a named problem, or of several together: every trade between metrics, with the plan of each point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.estimators.fpga import Array
from dse import frontier
from dse.boxes import Point
from dse.frontier import Front, signs
from dse.metric import METRICS, Budget, Metric
from dse.minimize import Limits
from dse.pareto import mask
from dse.plan import InfeasibleError
from dse.points_file import PointsFile, key
from dse.problem import Floats, Problem

Ties = Sequence[Sequence[str]]


def front(over: Problem | Sequence[Problem], metrics: Sequence[Metric], ties: Ties = ()) -> Front:
    """Return the exact front of metrics, every point proven; columns in the order of `metrics`.

    Metrics add up over layers or are decided by the slowest one (`Problem.slowest`): of these every value that a plan
    may have is a limit, within which the others are traded. Of several problems, as `foldings.laid_out` gives them, the
    points that no point of any of them beats; where two have the same point, it is the first one's. `ties` as in
    `minimize`. ValueError for fewer than two metrics, one named twice, or one that does neither.
    """
    asked, single = _asked(over, metrics), isinstance(over, Problem) or len(over) == 1
    found = [_of_one(part, ties) for part in asked]
    if len(found) == 1:
        return replace(found[0], origin=None) if single else found[0]
    points, choices, origin = (
        np.concatenate([getattr(each, name) for each in found]) for name in ("points", "choices", "origin")
    )
    sign = signs(found[0].names)
    order = np.lexsort((origin, *(points * sign).T[:1], *(points * sign).T[:0:-1]))
    new = np.append(True, (np.diff(points[order], axis=0) != 0).any(axis=1))
    kept = order[new][mask((points * sign)[order][new])]
    return Front(found[0].names, points[kept], choices[kept], None if single else origin[kept])


def front_within(
    over: Problem | Sequence[Problem], metrics: Sequence[Metric], subject_to: Sequence[Budget], ties: Ties = ()
) -> Front:
    """Return the exact front of the plans within budgets; `origin` tells the problem of each point.

    A budget of a sum that is no objective is a column more to be merged. InfeasibleError where no plan is within them,
    ValueError on one of memory at its peak, which is no sum.
    """
    whole = next((budget.metric.name for budget in subject_to if budget.metric.over == "network"), "")
    if whole:
        raise ValueError(f"a front has no budget of {whole}: it is no sum over layers")
    limits: dict[str, float] = {}
    problems, places, refused = [], [], []
    for place, problem in enumerate([over] if isinstance(over, Problem) else over):
        try:
            limited = Limits.of(problem, subject_to)
        except InfeasibleError as error:
            refused.append(error)
        else:
            problems.append(limited.problem)
            places.append(place)
            limits |= limited.sums
    if not problems:
        raise refused[0]
    names = tuple(metric.name for metric in metrics)
    found = front(problems, [*metrics, *(METRICS[name] for name in limits if name not in names)], ties)
    held = [found.points[:, found.names.index(name)] <= limit for name, limit in limits.items()]
    rows = np.flatnonzero(np.logical_and.reduce([np.ones(len(found.points), bool), *held]))
    if not len(rows):
        raise InfeasibleError(f"no plan meets {' and '.join(map(str, subject_to))}", {})
    rows = rows[_best_rows(found.points[rows, : len(names)] * signs(names))]
    part = np.zeros(len(rows), np.int64) if found.origin is None else found.origin[rows]
    return Front(names, found.points[rows, : len(names)], found.choices[rows], np.array(places)[part])


def _best_rows(points: Floats) -> NDArray[np.int64]:
    """One row of each non-dominated point, in order of the second column first and of the first last."""
    order = np.lexsort((*points.T[:1], *points.T[:0:-1]))
    new = np.append(True, (np.diff(points[order], axis=0) != 0).any(axis=1))
    found: NDArray[np.int64] = order[new][mask(points[order[new]])]
    return found


def stream(
    over: Problem | Sequence[Problem],
    metrics: Sequence[Metric],
    ties: Ties = (),
    *,
    file: str | Path | None = None,
    most: int = frontier.MOST_POINTS,
) -> Iterator[Point]:
    """Yield the points of `front` as they are proven, best first by the metrics in order, values in the same order.

    With a `file`, each point is an integer program's and kept there before it is yielded: the same call after a kill
    goes on with what the file holds and ends with the same points. Without one, the points come at once where no
    partial front passes `most`.
    """
    asked = _asked(over, metrics)
    groups = asked[0].problem.groups(ties)
    kept = PointsFile(Path(file), key([part.tables for part in asked], groups)) if file else None
    parts = [_part(i, each, groups, kept, most) for i, each in enumerate(asked)]
    if len(parts) == 1:
        yield from parts[0]
        return
    sign = signs(tuple(metric.name for metric in metrics))
    proven = np.empty((0, len(metrics)))
    for point in merge(*parts, key=lambda point: tuple(sign * point.values)):  # what beats a point comes before it
        if not (proven <= sign * point.values).all(axis=1).any():
            proven = np.vstack([proven, sign * point.values])
            yield point


@dataclass(frozen=True)
class _Asked:
    """One problem, or what is left of it within limits of what its slowest layer decides: those are the same for all of
    its points. `rate` is the index of a throughput that is the batch over a latency that adds up, None elsewhere."""

    problem: Problem
    origin: int
    names: tuple[str, ...]
    limits: dict[str, float]
    rate: int | None = None

    @property
    def tables(self) -> dict[str, Floats]:
        """Of the metrics that add up, at least one."""
        known = {"loss": self.problem.loss, **self.problem.costs}
        adds = ["latency_s" if i == self.rate else n for i, n in enumerate(self.names) if n not in self.limits]
        return {name: known[name] for name in adds or ["loss"]}

    def whole(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """All metrics of a point from those of the tables."""
        rest = iter(values)
        found = [self.limits[n] if n in self.limits else next(rest) for n in self.names]
        if self.rate is not None:
            found[self.rate] = self.problem.workload.batch / found[self.rate]
        if "throughput_per_s" in self.limits:
            found[self.names.index("throughput_per_s")] = 1 / self.limits["throughput_per_s"]
        return tuple(found)


def _asked(over: Problem | Sequence[Problem], metrics: Sequence[Metric]) -> list[_Asked]:
    problems = [over] if isinstance(over, Problem) else over
    return [part for origin, problem in enumerate(problems) for part in _parts(problem, origin, metrics)]


def _parts(problem: Problem, origin: int, metrics: Sequence[Metric]) -> Iterator[_Asked]:
    serial = isinstance(problem.folding, Array)
    known = ["loss", *problem.costs, *problem.slowest, *["throughput_per_s"] * serial]
    names = tuple(require("objective", metric.name, known) for metric in metrics)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"a front needs at least two different objectives, got {', '.join(names) or 'none'}")
    rate = names.index("throughput_per_s") if serial and "throughput_per_s" in names else None
    if rate is not None and "latency_s" in names:
        raise ValueError("on an overlay throughput_per_s is the batch over latency_s: ask for one of them")
    paced = [name for name in names if name in problem.slowest]
    values = [np.unique(problem.slowest[n][np.isfinite(problem.loss)]).tolist() for n in paced]
    for limits in product(*values):
        within = problem
        for name, most in zip(paced, limits, strict=True):
            within = within.within(name, most)
        if np.isfinite(within.loss).any(axis=1).all():
            yield _Asked(within, origin, names, dict(zip(paced, limits, strict=True)), rate)


def _of_one(asked: _Asked, ties: Ties) -> Front:
    first, *rest = asked.tables
    groups, tables = asked.problem.groups(ties), asked.tables
    found = frontier.exact(tables[first], {name: tables[name] for name in rest or [first]}, groups)
    points = np.array([asked.whole(tuple(point)) for point in found.points[:, : len(tables)].tolist()])
    return Front(asked.names, points, found.choices, np.full(len(points), asked.origin))


def _part(index: int, asked: _Asked, groups: list[list[int]], file: PointsFile | None, most: int) -> Iterator[Point]:
    """The points of one part, in order of their values."""
    first, *rest = asked.tables
    tables = asked.tables
    costs = {name: tables[name] for name in rest or [first]}
    if file is None:
        found = frontier.stream(tables[first], costs, groups, most=most)
    else:
        known, keep = file.answers(index), partial(file.keep, part=index)
        found = frontier.stream(tables[first], costs, groups, known=known, keep=keep, most=0)
    return (replace(p, values=asked.whole(p.values[: len(tables)]), origin=asked.origin) for p in found)
