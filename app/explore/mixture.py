"""The exact front of mixed precision beside a sweep: a format a layer, for each device at the sweep's first sizes."""

from collections.abc import Sequence

import numpy as np

import dse
from app.explore.designs import Designs, Mixed
from costmodel.hardware import Device
from costmodel.workload import Workload
from dse.axes import label
from dse.designs import parts_of
from dse.metric import METRICS
from dse.neighbours import fused
from dse.space import Space

MOST_DEVICES = 6
MOST_POINTS = 300
"""Points of a front that are shown, evenly spaced; all of them are proven."""


def with_fronts(designs: Designs, objectives: Sequence[str]) -> tuple[Designs, str]:
    """Return the designs with the exact mixed fronts of two metrics, and a sentence on what they are, or why not.

    Layers that servers fuse (q, k and v; gate and up) share a format.
    """
    space = designs.space
    if len(objectives) != 2 or any(name not in METRICS or METRICS[name].over != "sum" for name in objectives):
        return designs, "Mixed precision is solved for two objectives that add up over layers."
    starts = _starts(space)
    if len(starts) > MOST_DEVICES or len(space.axis("precision").values) < 2:
        return designs, f"Mixed precision needs two precisions and at most {MOST_DEVICES} devices."
    mixed: list[Mixed] = []
    columns: dict[str, list[float]] = {name: [] for name in designs.columns}
    for index in starts:
        _add(space, index, objectives, mixed, columns)
    if not mixed:
        return designs, "No two of the precisions run on one of these devices, so there is no mixed precision."
    return designs.with_mixed(mixed, {n: np.array(c) for n, c in columns.items()}), _told(space)


def _add(
    space: Space, index: int, objectives: Sequence[str], mixed: list[Mixed], columns: dict[str, list[float]]
) -> None:
    """Append the front of one device."""
    workload, device = parts_of(space, index)
    usable = tuple(p for p in space.axis("precision").values if _runs(workload, p, device))
    if len(usable) < 2:
        return
    problem = dse.choices(workload, usable).on(device)
    if any(name != "loss" and name not in problem.costs for name in objectives):
        return
    front = dse.front(problem, [METRICS[name] for name in objectives], fused(workload))
    at = np.unique(np.linspace(0, len(front.choices) - 1, MOST_POINTS).round().astype(int))
    choices = front.choices[at]
    tables = {"loss": problem.loss, **{n: t for n, t in problem.costs.items() if METRICS[n].over == "sum"}}
    layers = np.arange(len(problem.layers))
    for name in columns:
        table = tables.get(name)
        columns[name] += [float("nan")] * len(at) if table is None else table[layers, choices].sum(axis=1).tolist()
    mixed += [Mixed(index, problem.assignment(choice)) for choice in choices]


def _runs(workload: Workload, precision: str, device: Device) -> bool:
    try:
        dse.choices(workload, [precision]).on(device)
    except ValueError:
        return False
    return True


def _starts(space: Space) -> list[int]:
    """Index of the first design of each device, at the first value of every other axis."""
    return list(range(space.inner()[1]))


def _told(space: Space) -> str:
    first = space.design(0)
    sizes = ", ".join(f"{n} {label(first[n])}" for n in ("batch", "context", "resolution") if n in first)
    at = f" at {sizes}" if sizes else ""
    return f"Mixed precision: the exact, proven front of each device{at}; q, k, v and gate, up share a format."
