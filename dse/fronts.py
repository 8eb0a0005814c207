"""The front of a named problem: every trade between metrics, with the plan behind each point."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from costmodel.catalog import require
from dse import frontier
from dse.boxes import Point
from dse.frontier import Front
from dse.metric import Metric
from dse.points_file import PointsFile, key
from dse.problem import Floats, Problem


def front(problem: Problem, metrics: Sequence[Metric], ties: Sequence[Sequence[str]] = ()) -> Front:
    """Return the exact front of metrics that add up over layers, every point proven; columns in the order of `metrics`.

    `ties` as in `minimize`. ValueError for fewer than two metrics, one named twice, or one that does not add up.
    """
    tables = _tables(problem, metrics)
    first, *rest = tables
    found = frontier.exact(tables[first], {name: tables[name] for name in rest}, problem.groups(ties))
    return Front(tuple(tables), found.points, found.choices)


def stream(
    problem: Problem,
    metrics: Sequence[Metric],
    ties: Sequence[Sequence[str]] = (),
    *,
    file: str | Path | None = None,
    most: int = frontier.MOST_POINTS,
) -> Iterator[Point]:
    """Yield the points of `front` as they are proven, values in the order of `metrics`.

    With a `file`, each point is an integer program's and kept there before it is yielded: the same call after a kill
    goes on with what the file holds and ends with the same points. Without one, the points come at once where no
    partial front passes `most`.
    """
    tables = _tables(problem, metrics)
    first, *rest = tables
    costs, groups = {name: tables[name] for name in rest}, problem.groups(ties)
    if file is None:
        yield from frontier.stream(tables[first], costs, groups, most=most)
        return
    kept = PointsFile(Path(file), key(tables, groups))
    yield from frontier.stream(tables[first], costs, groups, known=kept.answers(), keep=kept.keep, most=0)


def _tables(problem: Problem, metrics: Sequence[Metric]) -> dict[str, Floats]:
    tables = {"loss": problem.loss, **{n: t for n, t in problem.costs.items() if n != "cycles"}}
    names = [require("objective", metric.name, tables) for metric in metrics]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"a front needs at least two different objectives, got {', '.join(names) or 'none'}")
    return {name: tables[name] for name in names}
