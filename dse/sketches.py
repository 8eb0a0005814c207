"""Workloads by their distinct ops alone, quickly: what a sweep of many thousands of them needs of each.

A language model's pass is built with three blocks of every run of equal ones, and strategies that treat ops alike are
applied to its distinct ops. What cannot be folded so is built whole; both give the same sums.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import zoo
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.estimators.reuse import on_gpu
from costmodel.estimators.traffic import BITS_PER_BYTE
from costmodel.precision import W32A32
from costmodel.strategies import Then, strategy
from costmodel.workload import Op, Workload
from costmodel.workload.repeated_blocks import thinned, times_of
from costmodel.workload.serving import passes as pass_of
from dse import passes
from dse.axes import label
from dse.noise import Kept
from dse.passes import Layers, layers_of, what_it_costs

Floats = NDArray[np.float64]
FOLDED_PHASES = ("decode", "prefill", "forward")


@dataclass(frozen=True, eq=False)
class Folded:
    """A pass as a GPU runs it by its distinct ops, each standing for `times`; `peak_elements` as a Pass has it."""

    workload: Workload
    times: Floats
    peak_elements: float

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops, each executed `runs` times in all."""
        return self.workload.ops

    @cached_property
    def keys(self) -> list[Any]:
        """What tells the cost of one execution of each op."""
        return [what_it_costs(op) for op in self.ops]

    @cached_property
    def runs(self) -> Floats:
        """How often the ops that each stands for run in a pass."""
        return self.times * np.array([op.count for op in self.workload.ops], dtype=np.float64)

    @cached_property
    def layers(self) -> Layers:
        """How many layers with weights there are by the share kept, and caches; those of drafts left out."""
        return layers_of(self.workload.ops, self.times.tolist())


@dataclass(frozen=True, eq=False)
class Sketch:
    """A design's workload as passes and how often each runs; `scored` ones are those whose noise reaches the result.

    `told` has the layers and caches whose noise counts where the passes do not tell.
    """

    batch: int
    phase: str
    passes: tuple[Folded, ...]
    runs: tuple[float, ...]
    scored: tuple[bool, ...]
    told: Layers | None = None

    @property
    def peak_elements(self) -> float:
        """The most op outputs alive at once; one pass runs after the other."""
        return max(part.peak_elements for part in self.passes)

    @property
    def layers(self) -> list[tuple[Kept, float]]:
        """Layers and caches whose noise counts."""
        if self.told is not None:
            return list(self.told.items())
        return [pair for part, yes in zip(self.passes, self.scored, strict=True) if yes for pair in part.layers.items()]


def sketch(values: Mapping[str, Any]) -> Sketch:
    """Return the sketch of a design's values on the axes; errors are those of `passes.build`."""
    model, spelled = passes.key_of(values)
    steps = _steps(json.dumps(spelled))
    base = _base(json.dumps(model)) if all(getattr(step, "alike", False) for step in steps) else None
    try:
        found = _applied(base, steps) if base is not None else None
    except ValueError as error:
        raise passes.RefusedError(str(label(spelled)), str(error)) from None
    if found is None:
        done = passes.build(values)
        workload = done.workload
        whole = folded(workload, np.ones(len(workload.ops)))
        found = Sketch(workload.batch, workload.phase, (whole,), (1.0,), (True,), done.layers)
    return found


def folded(workload: Workload, times: Floats) -> Folded:
    """Merge the equal ops of a workload, each of which stands for `times`, as a GPU runs them."""
    peak_elements = peak_activation_bytes(workload, W32A32) * BITS_PER_BYTE / W32A32.activation.bits_per_element
    counts: dict[Any, float] = {}
    first: dict[Any, Op] = {}
    for op, count in zip(on_gpu(workload.ops), times.tolist(), strict=True):
        key = (what_it_costs(op), op.count)
        counts[key] = counts.get(key, 0.0) + count
        first.setdefault(key, op)
    distinct = replace(workload, ops=tuple(first.values()), outputs=())
    return Folded(distinct, np.array(list(counts.values())), float(peak_elements))


@lru_cache(maxsize=2**13)
def _language_pass(name: str, batch: int, context: int | None, phase: str) -> Folded | None:
    """The folded pass of a zoo language model, None where it is no such pass."""
    model = zoo.language_model(name)
    if model is None or (phase or ("decode" if model.causal else "forward")) not in FOLDED_PHASES:
        return None
    fewer, times = thinned(model)
    workload = pass_of(fewer, batch=batch, context=context, phase=phase)
    return folded(workload, np.array([times_of(op, fewer, times) for op in workload.ops], dtype=np.float64))


@lru_cache(maxsize=2**13)
def _base(key: str) -> Folded | None:
    model = json.loads(key)
    scheme, _, name = model["model"].partition(":")
    shape = {n: v for n, v in model.items() if n != "model"}
    if scheme != "zoo" or name not in zoo.names() or "resolution" in shape:
        return None
    try:
        zoo.require_sizes(batch=shape.get("batch", 1), context=shape.get("context"))
        return _language_pass(name, shape.get("batch", 1), shape.get("context"), shape.get("phase", ""))
    except ValueError:
        return None  # building it whole says in a line what is wrong


@lru_cache(maxsize=2**12)
def _steps(spelled: str) -> tuple[Any, ...]:
    found = strategy(json.loads(spelled))
    return found.steps if isinstance(found, Then) else (found,)


def _applied(base: Folded, steps: Sequence[Any]) -> Sketch | None:
    """The sketch after every step, None where one does not keep ops one to one, or adds a model to no decode."""
    several = sum(map(_runs_several, steps))
    if several > 1 or (several and base.workload.phase != "decode"):
        return None
    parts: list[tuple[Folded, float, bool]] = [(base, 1.0, True)]
    for step in steps:
        wider: list[tuple[Folded, float, bool]] = []
        for part, runs, scored in parts:
            made = _made(part, step)
            if None in made:
                return None
            shares, told = (step.runs, step.scored) if _runs_several(step) else ((1.0,), (True,))
            wider += [(m, runs * r, scored and s) for m, r, s in zip(made, shares, told, strict=True) if m is not None]
        parts = wider
    main = next(part.workload for part, _, scored in parts if scored)
    return Sketch(
        main.batch,
        main.phase,
        passes=tuple(part for part, _, _ in parts),
        runs=tuple(runs for _, runs, _ in parts),
        scored=tuple(scored for _, _, scored in parts),
    )


def _runs_several(step: Any) -> bool:
    """Whether a strategy makes several passes of one, as drafts and verifiers do."""
    return getattr(step, "rounds", None) is not None


_MADE: dict[Any, tuple[Folded, tuple[Folded | None, ...]]] = {}
_MOST_MADE = 2**16


def _made(part: Folded, step: Any) -> tuple[Folded | None, ...]:
    """The passes that a step makes of one, remembered by what decides them."""
    key = (id(part), type(step), *step.rounds) if _runs_several(step) else (id(part), step)
    if key not in _MADE:
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        _MADE[key] = part, _make(part, step)  # the part is kept, so that its id stays its own
    return _MADE[key][1]


def _make(part: Folded, step: Any) -> tuple[Folded | None, ...]:
    if not _runs_several(step):
        return (_same(part, step(part.workload)),)
    built: dict[int, Folded] = {}

    def build(name: str, *, batch: int, context: int, phase: str) -> Workload:
        made = _language_pass(name, batch, context, phase)
        if made is None:
            return zoo.build(name, batch=batch, context=context, phase=phase)
        built[id(made.workload)] = made
        return made.workload

    return tuple(
        built[id(w)] if id(w) in built else next(filter(None, (_same(p, w) for p in (part, *built.values()))), None)
        for w in step.passes(part.workload, build)
    )


def _same(part: Folded, workload: Workload) -> Folded | None:
    """The part after a step that edited its ops one by one, all outputs by one factor: fusion then stays as it was."""
    before, after = part.workload.ops, workload.ops
    if [(op.name, op.kind) for op in before] != [(op.name, op.kind) for op in after]:
        return None
    ratios = {b.output_elements / a.output_elements for a, b in zip(before, after, strict=True) if a.output_elements}
    if max(ratios) - min(ratios) > 1e-12 * max(ratios):
        return None
    return Folded(workload, part.times, part.peak_elements * max(ratios))
