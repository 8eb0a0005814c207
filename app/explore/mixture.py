"""Exact fronts of mixed precision beside a sweep: a format a layer, for each device at the sweep's first sizes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

import dse
from app.explore.designs import Designs, Mixed
from app.text import label as in_words
from costmodel.hardware import Device
from costmodel.workload import Workload
from dse.axes import label
from dse.choice_columns import columns as columns_of
from dse.designs import parts_of
from dse.metric import METRICS
from dse.neighbours import fused
from dse.problem import Problem
from dse.space import Space

MOST_DEVICES = 6
MOST_POINTS = 300
"""Points of a pair's front that are shown, evenly spaced; all of them are proven."""
FEWER_POINTS = 100
"""The same where there are three pairs."""
STAND_INS = {"examples_per_s": "latency_s", "throughput_per_s": "latency_s", "footprint_bytes": "weight_bytes"}
"""Metrics that do not add up over layers, and the one whose front is solved for them."""

Pairs = list[tuple[str, str]]


def pairs(shown: Sequence[str]) -> Pairs:
    """The pairs of metrics whose fronts are solved for the two or three shown; none where fewer than two add up."""
    solved = dict.fromkeys(STAND_INS.get(name, name) for name in shown)
    return list(combinations([n for n in solved if n in METRICS and METRICS[n].over == "sum"], 2))


def with_fronts(designs: Designs, shown: Sequence[str]) -> tuple[Designs, str]:
    """Return the designs with the exact mixed fronts of each pair of metrics, and a sentence on them, or why not.

    Layers that servers fuse (q, k and v; gate and up) share a format. The designs have the metrics that are shown, and
    those that add up.
    """
    space, solved = designs.space, pairs(shown)
    if not solved:
        return designs, "Mixed precision is solved for metrics that add up over layers: here are fewer than two."
    starts = _starts(space)
    if len(starts) > MOST_DEVICES or len(space.axis("precision").values) < 2:
        return designs, f"Mixed precision needs two precisions and at most {MOST_DEVICES} devices."
    wanted = [name for name in designs.columns if name in shown or name not in STAND_INS]
    mixed: list[Mixed] = []
    parts: list[dict[str, NDArray[np.float64]]] = []
    for index in starts:
        problem = _problem(space, index)
        choices = _choices(problem, solved) if problem else ()
        if problem and len(choices):
            mixed += [Mixed(index, problem.assignment(choice)) for choice in choices]
            parts.append(columns_of(problem, np.array(choices), wanted))
    if not mixed:
        return designs, "No two of the precisions run on one of these devices, so there is no mixed precision."
    joined = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    return designs.with_mixed(mixed, joined), _told(space, shown, solved)


def _problem(space: Space, index: int) -> Problem | None:
    """The layers and options of one device; None where fewer than two precisions run on it."""
    workload, device = parts_of(space, index)
    usable = tuple(p for p in space.axis("precision").values if _runs(workload, p, device))
    return dse.choices(workload, usable).on(device) if len(usable) > 1 else None


def _choices(problem: Problem, solved: Pairs) -> NDArray[np.int64]:
    """Choices on the front of any pair, each once, in the order of the pairs: int[choices, layers]."""
    most = MOST_POINTS if len(solved) == 1 else FEWER_POINTS
    found: dict[tuple[int, ...], None] = {}
    for pair in solved:
        if all(name == "loss" or name in problem.costs for name in pair):
            front = dse.front(problem, [METRICS[name] for name in pair], fused(problem.workload))
            at = np.unique(np.linspace(0, len(front.choices) - 1, most).round().astype(int))
            found |= dict.fromkeys(map(tuple, front.choices[at].tolist()))
    return np.array(list(found), dtype=np.int64).reshape(len(found), len(problem.layers))


def _runs(workload: Workload, precision: str, device: Device) -> bool:
    try:
        dse.choices(workload, [precision]).on(device)
    except ValueError:
        return False
    return True


def _starts(space: Space) -> list[int]:
    """Index of the first design of each device, at the first value of every other axis."""
    return list(range(space.inner()[1]))


def _told(space: Space, shown: Sequence[str], solved: Pairs) -> str:
    first = space.design(0)
    sizes = ", ".join(f"{n} {label(first[n])}" for n in ("batch", "context", "resolution") if n in first)
    at = f" at {sizes}" if sizes else ""
    named = [
        " and ".join(words if words[:2].isupper() else words.lower() for words in map(in_words, pair))
        for pair in solved
    ]
    of = f" of each pair of metrics ({'; '.join(named)})" if len(solved) > 1 else ""
    of = of or ("" if set(solved[0]) == set(shown) else f" of {named[0]}")
    return f"Mixed precision: the exact, proven front{of} of each device{at}; q, k, v and gate, up share a format."
