"""Exact fronts of mixed precision beside a sweep: a format a layer, for each device at the sweep's first sizes.

An FPGA is laid out for each of the precisions in turn, as `bitfront front` does: its front is proven among these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

import dse
from app.explore.designs import Designs, Mixed
from app.text import label as in_words
from costmodel.hardware import Device, Fpga
from costmodel.workload import Workload
from dse.axes import label
from dse.choice_columns import columns as columns_of
from dse.designs import parts_of
from dse.folding import ALIKE
from dse.folding_options import RESOURCES
from dse.foldings import among, laid_out, made_for
from dse.metric import METRICS, Budget, Metric
from dse.neighbours import fused
from dse.pipelines import PACED
from dse.plan import InfeasibleError
from dse.problem import Problem
from dse.solvers.merging import TooManyPointsError
from dse.space import Space

MOST_DEVICES = 6
MOST_POINTS = 300
"""Points of a pair's front that are shown, evenly spaced; all of them are proven."""
FEWER_POINTS = 100
"""The same where there are three pairs."""
MOST_MERGED = 20_000
"""Points of partial fronts within a device's resources; beyond, a front is of designs of any size, those that fit."""
STAND_INS = {
    "examples_per_s": ("throughput_per_s", "latency_s"),
    "throughput_per_s": ("latency_s",),
    "footprint_bytes": ("weight_bytes",),
}
"""Metrics that fronts may lack, and those whose front is solved for them, the first that is known."""

Pair = tuple[str, str]
Choice = tuple[int, ...]
Point = tuple[int, Choice]
"""A choice, and the index of the problem that it is of."""
UNPROVEN = ", outputs priced in their own layer's format: points may be missing"
"""Of fronts on FPGAs, which are evaluated with outputs as they are read (`dse.Front.proven`)."""


@dataclass(frozen=True)
class Front:
    """The mixed designs of one device that some pair of metrics has on its front.

    where    the device in words
    pairs    those that were solved
    proven   within what, in words
    """

    where: str
    mixed: list[Mixed]
    parts: list[dict[str, NDArray[np.float64]]]
    pairs: tuple[Pair, ...] = ()
    proven: str = ""
    lacks: str = ""


def with_fronts(designs: Designs, shown: Sequence[str]) -> tuple[Designs, str]:
    """Return the designs with the exact mixed fronts of each pair of metrics, and a sentence on them, or why not.

    Layers that servers fuse (q, k and v; gate and up) share a format. The designs have the metrics that are shown, and
    those that add up.
    """
    space = designs.space
    starts = list(range(space.inner()[1]))
    if len(starts) > MOST_DEVICES or len(space.axis("precision").values) < 2:
        return designs, f"Mixed precision needs two precisions and at most {MOST_DEVICES} devices."
    wanted = [name for name in designs.columns if name in shown or name not in STAND_INS]
    fronts = [_front(space, index, shown, wanted) for index in starts]
    mixed = [each for front in fronts for each in front.mixed]
    if not mixed:
        return designs, _told(space, shown, fronts)
    parts = [part for front in fronts for part in front.parts]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    return designs.with_mixed(mixed, joined), _told(space, shown, fronts)


def _front(space: Space, index: int, shown: Sequence[str], wanted: Sequence[str]) -> Front:
    """The mixed designs of one device, the first at the first value of every other axis."""
    workload, device = parts_of(space, index)
    where = str(label(space.design(index)["device"]))
    usable = _usable(workload, space.axis("precision").values, device)
    if not any(op.weight_elements > 0 for op in workload.ops):
        return Front(where, [], [], lacks="no layer has weights to choose a precision for")
    if len(usable) < 2:
        return Front(where, [], [], lacks="fewer than two of the precisions run on it")
    choices = dse.choices(workload, usable)
    problems = laid_out(choices, device, [METRICS["lut"]])
    pairs = _pairs(problems[0], shown)
    if not pairs:
        return Front(where, [], [], lacks="no two of the metrics are known of its mixed designs")
    found, fitting = _choices(problems, pairs)
    mixed: list[Mixed] = []
    parts = []
    for problem, taken in zip(problems, found, strict=True):
        kept = [choice for choice in taken if not _swept(problem, choice, pairs)]
        if kept:
            mixed += [Mixed(index, problem.assignment(choice), made_for(problem)) for choice in kept]
            parts.append(columns_of(problem, np.array(kept, dtype=np.int64), wanted))
    within = among(choices, problems, [METRICS["lut"]])
    made = f" among the {within}, each as fast as fits" if within else ""
    sure = "found" if UNPROVEN in fitting else "proven"
    return Front(where, mixed, parts, pairs, f"{sure}{made}{fitting}")


def _pairs(problem: Problem, shown: Sequence[str]) -> tuple[Pair, ...]:
    """The pairs of metrics whose fronts are solved for those shown; none where fewer than two have one."""
    known = {"loss", *problem.costs, *(PACED if problem.pipeline else ())}
    solved = [next((n for n in (name, *STAND_INS.get(name, ())) if n in known), "") for name in shown]
    return tuple(combinations([name for name in dict.fromkeys(solved) if name], 2))


def _choices(problems: Sequence[Problem], pairs: Sequence[Pair]) -> tuple[list[list[Choice]], str]:
    """Of each problem its choices on the front of any pair, each once, in the order of the pairs; what is to be said of
    how they fit an FPGA."""
    most = MOST_POINTS if len(pairs) == 1 else FEWER_POINTS
    found: list[dict[Choice, None]] = [{} for _ in problems]
    told: dict[str, None] = {}
    for pair in pairs:
        points, fitting = _fitting(problems, [METRICS[name] for name in pair])
        told[fitting] = None
        for row in np.unique(np.linspace(0, len(points) - 1, most).round().astype(int)).tolist() if points else ():
            origin, choice = points[row]
            found[origin][choice] = None
    return [list(each) for each in found], "".join(told)


def _fitting(problems: Sequence[Problem], metrics: Sequence[Metric]) -> tuple[list[Point], str]:
    """The points of a front, on an FPGA those that fit it, or all where none does; how sure they are."""
    device, ties = problems[0].device, fused(problems[0].workload)
    room = [METRICS[r] <= float(getattr(device, r)) for r in RESOURCES if isinstance(device, Fpga)]
    try:
        front = dse.front(problems, metrics, ties, subject_to=room, most=MOST_MERGED)
        return _points(front), "" if front.proven else UNPROVEN
    except InfeasibleError:
        front, told = dse.front(problems, metrics, ties), "; none fits"
        return _points(front), told if front.proven else UNPROVEN + told
    except TooManyPointsError:
        points = _points(dse.front(problems, metrics, ties))
        return _that_fit(problems, points, room), f"{UNPROVEN}; of any size, of which those that fit are shown"


def _points(front: dse.Front) -> list[Point]:
    origin = [0] * len(front.choices) if front.origin is None else front.origin.tolist()
    return list(zip(origin, map(tuple, front.choices.tolist()), strict=True))


def _that_fit(problems: Sequence[Problem], points: Sequence[Point], room: Sequence[Budget]) -> list[Point]:
    """The points that keep the budgets, in the order of the problems."""
    found: list[Point] = []
    for at, problem in enumerate(problems):
        own = [choice for origin, choice in points if origin == at]
        spent = columns_of(problem, np.array(own, np.int64).reshape(len(own), -1), RESOURCES) if own else {}
        fits = np.all([b.met(spent[b.metric.name]) for b in room], axis=0) if own else []
        found += [(at, choice) for choice, fit in zip(own, fits, strict=True) if fit]
    return found


def _swept(problem: Problem, choice: Choice, pairs: Sequence[Pair]) -> bool:
    """Whether the sweep has the design: one format for all layers, on an FPGA in that format's folding, or at the same
    place whatever the folding."""
    alike = problem.laid_for in (None, choice[0]) or all(name in ALIKE for pair in pairs for name in pair)
    return len(set(choice)) == 1 and alike


def _usable(workload: Workload, precisions: Sequence[str], device: Device) -> tuple[str, ...]:
    """The precisions that a device runs: asked of all at once, and of each where one is not."""
    if _run(workload, precisions, device):
        return tuple(precisions)
    return tuple(precision for precision in precisions if _run(workload, [precision], device))


def _run(workload: Workload, precisions: Sequence[str], device: Device) -> bool:
    try:
        dse.choices(workload, list(precisions)).on(device)
    except ValueError:
        return False
    return True


def _told(space: Space, shown: Sequence[str], fronts: Sequence[Front]) -> str:
    """What was solved on which devices, within what it is proven, and why the others have nothing."""
    first = space.design(0)
    sizes = ", ".join(f"{n} {label(first[n])}" for n in ("batch", "context", "resolution") if n in first)
    at = f" at {sizes}" if sizes else ""
    solved = dict.fromkeys((front.pairs, front.proven) for front in fronts if front.pairs)
    lacking = [f"{front.where} has none: {front.lacks}" for front in fronts if front.lacks]
    sentences = []
    for pairs, proven in solved:
        named = [front.where for front in fronts if (front.pairs, front.proven) == (pairs, proven)]
        where = "each device" if len(named) == len(fronts) else " and ".join(named)
        exact = "exact front" if proven.startswith("proven") else "front"
        sentences.append(f"the {exact}{_of(pairs, shown)} of {where}{at}, {proven}")
    if not sentences:
        return f"No mixed precision: {'; '.join(lacking)}."
    shared = ["q, k, v and gate, up share a format"] * bool(fused(parts_of(space, 0)[0]))
    return f"Mixed precision: {'; '.join([*sentences, *lacking, *shared])}."


def _of(pairs: Sequence[Pair], shown: Sequence[str]) -> str:
    """Which metrics a front is of, where these are not just the two that are shown."""
    named = [
        " and ".join(words if words[:2].isupper() else words.lower() for words in map(in_words, pair)) for pair in pairs
    ]
    if len(pairs) > 1:
        return f" of each pair of metrics ({'; '.join(named)})"
    return "" if set(pairs[0]) == set(shown) else f" of {named[0]}"
