"""Two runs side by side: their spaces, the designs on their fronts, and which front covers which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.axes import label
from dse.space import Space
from dse.store import Run, front_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    spaces     settings and axes that differ: {name: (in a, in b)}
    only_a     ids of designs on a's front alone; only_b, on b's
    common     ids of designs on both
    changed    {id: {column: (in a, in b)}} of common designs whose figures differ by more than `rtol`
    coverage   the share of b's front that a design of a's front is no worse than in any objective, and the reverse
               (Zitzler and Thiele, IEEE Transactions on Evolutionary Computation 3(4), 1999, doi 10.1109/4235.797969),
               over all groups together; None where the objectives differ
    """

    spaces: Mapping[str, tuple[Any, Any]]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    common: tuple[str, ...]
    changed: Mapping[str, Mapping[str, tuple[float, float]]]
    coverage: tuple[float, float] | None


def compare(a: Run, b: Run, *, rtol: float = 1e-9) -> Comparison:
    """Compare two runs, complete or not, by the ids of the designs on their fronts."""
    rows_a, rows_b = ({row["id"]: row for row in front_of(run).to_pylist()} for run in (a, b))
    common = tuple(id for id in rows_a if id in rows_b)
    columns = [name for name in a.plan.space.columns if name in b.plan.space.columns]
    changed = {id: _changes(rows_a[id], rows_b[id], columns, rtol) for id in common}
    same = a.plan.space.objectives == b.plan.space.objectives
    covered = (_covered(a, b), _covered(b, a)) if same else None
    return Comparison(
        _spaces(a.plan.space, b.plan.space),
        tuple(id for id in rows_a if id not in rows_b),
        tuple(id for id in rows_b if id not in rows_a),
        common,
        {id: found for id, found in changed.items() if found},
        covered,
    )


def _spaces(a: Space, b: Space) -> dict[str, tuple[Any, Any]]:
    axes = {axis.name for axis in (*a.axes, *b.axes)}
    found: dict[str, tuple[Any, Any]] = {f"axes.{name}": (_labels(a, name), _labels(b, name)) for name in sorted(axes)}
    found |= {key: (a.spec[key], b.spec[key]) for key in a.spec if key != "axes"}
    differing = {name: pair for name, pair in found.items() if pair[0] != pair[1]}
    if not differing and a.hash != b.hash:
        differing["figures"] = (a.hash[:16], b.hash[:16])
    return differing


def _labels(space: Space, name: str) -> list[Any]:
    return [label(value) for axis in space.axes if axis.name == name for value in axis.values]


def _changes(
    a: Mapping[str, Any], b: Mapping[str, Any], columns: list[str], rtol: float
) -> dict[str, tuple[float, float]]:
    pairs = {name: (a[name], b[name]) for name in columns}
    return {name: pair for name, pair in pairs.items() if not np.isclose(*pair, rtol=rtol, atol=0.0, equal_nan=True)}


def _covered(by: Run, other: Run) -> float:
    """The share of the other's front that this one's is no worse than."""
    count = len(by.plan.space.objectives)
    points, others = (np.unique(run.front.values[:, :count], axis=0) for run in (by, other))
    if not len(others):
        return 1.0
    return float(np.mean([bool((points <= point).all(axis=1).any()) for point in others]))
