"""The front of a named problem: every trade between metrics, with the plan behind each point."""

from collections.abc import Sequence

from costmodel.catalog import require
from dse import frontier
from dse.frontier import Front
from dse.metric import Metric
from dse.problem import Problem


def front(problem: Problem, metrics: Sequence[Metric], ties: Sequence[Sequence[str]] = ()) -> Front:
    """Return the exact front of metrics that add up over layers, every point proven; columns in the order of `metrics`.

    `ties` as in `minimize`. ValueError for fewer than two metrics, one named twice, or one that does not add up.
    """
    tables = {"loss": problem.loss, **{n: t for n, t in problem.costs.items() if n != "cycles"}}
    names = [require("objective", metric.name, tables) for metric in metrics]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"a front needs at least two different objectives, got {', '.join(names) or 'none'}")
    found = frontier.exact(tables[names[0]], {name: tables[name] for name in names[1:]}, problem.groups(ties))
    return Front(tuple(names), found.points, found.choices)
