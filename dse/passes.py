"""The workloads of a space, and their distinct ops: equal ones are evaluated once."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel import models
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.estimators.passed_on import places
from costmodel.estimators.reuse import on_gpu
from costmodel.estimators.traffic import BITS_PER_BYTE
from costmodel.precision import W32A32
from costmodel.record import Real, stack
from costmodel.strategies import strategy
from costmodel.strategies._beside import PREFIXES
from costmodel.strategies._named import NONE
from costmodel.strategies._network import network, undivided
from costmodel.workload import Op, Workload
from costmodel.workload.answers import sampled
from costmodel.workload.op import NAMES
from dse.axes import CORRECT, SHAPE, label
from dse.noise import Kept, noise_of

what_it_costs = attrgetter(*(f.name for f in fields(Op) if f.name not in (*NAMES, "count")))
"""The fields that decide what one execution of an op costs."""

Layers = dict[Kept, float]

T = TypeVar("T")


@dataclass(frozen=True)
class Distinct:
    """Ops that cost differently, and float64[ops] how many each stands for: names and inputs cost nothing.

    place  int[ops], how each takes the precision of the layer that it follows, as `passed_on.places` says
    """

    ops: tuple[Op, ...]
    times: NDArray[np.float64]
    place: NDArray[np.int64]

    @staticmethod
    def of(ops: Sequence[Op]) -> "Distinct":
        """Merge equal ops, in the order of their first."""
        place = places(ops).tolist()
        keys = [(what_it_costs(op), op.count, at) for op, at in zip(ops, place, strict=True)]
        times = Counter(keys)
        first = dict(zip(reversed(keys), reversed(ops), strict=True))
        counts = np.array(list(times.values()), dtype=np.float64)
        return Distinct(tuple(first[key] for key in times), counts, np.array([key[-1] for key in times]))

    @cached_property
    def batch(self) -> Op:
        """The ops as one record of arrays."""
        return stack(self.ops)

    def summed(self, column: Real) -> NDArray[np.float64]:
        """Sum float64[ops, ...] over the first axis, each op as often as it occurs."""
        wide = np.broadcast_to(column, (len(self.ops), *np.shape(column)[1:]))
        weights = self.times.reshape(-1, *(1,) * (wide.ndim - 1))
        return np.asarray((wide * weights).sum(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Pass:
    """A workload as the explorer evaluates it, on an FPGA laid out by `mapping`.

    `network` is what was trained for it, `undivided` what one GPU runs where several share the workload.
    """

    workload: Workload
    network: Workload
    undivided: Workload
    mapping: str = "dataflow"

    @cached_property
    def counted(self) -> Distinct:
        """The distinct ops as the network has them."""
        return Distinct.of(self.workload.ops)

    @cached_property
    def on_gpu(self) -> Distinct:
        """The distinct ops as a GPU runs them: what an engine fuses starts no kernel of its own."""
        return Distinct.of(on_gpu(self.workload.ops))

    @cached_property
    def peak_elements(self) -> float:
        """The most op outputs alive at once."""
        peak_bytes = peak_activation_bytes(self.workload, W32A32)
        return peak_bytes * BITS_PER_BYTE / float(W32A32.activation.bits_per_element)

    @cached_property
    def layers(self) -> Layers:
        """How many layers with weights there are by the share kept, and caches; those of drafts left out."""
        return layers_of(self.undivided.ops, [1.0] * len(self.undivided.ops))


def is_pruned(workload: Workload) -> bool:
    """Whether some of a network's own weights are zero; a draft's or verifier's decide nothing about it."""
    return any(op.weight_density < 1 and not op.name.startswith(PREFIXES) for op in workload.ops)


def layers_of(ops: Sequence[Op], times: Sequence[float]) -> Layers:
    """Count layers with weights by `kept_share`, and caches, as `noise_of` tells them."""
    found: Layers = {}
    for op, count in zip(ops, times, strict=True):
        key = noise_of(op)
        if key is not None:
            found[key] = found.get(key, 0.0) + count
    return found


def key_of(values: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The model with its shape and the spelled strategy of a design; ValueError where a shape is given twice."""
    model = dict(values["model"]) if isinstance(values["model"], Mapping) else {"model": values["model"]}
    shape = {name: values[name] for name in SHAPE if name in values}
    twice = sorted(set(shape) & set(model))
    if twice:
        raise ValueError(f"{twice[0]} is an axis and also fixed for {label(values['model'])}")
    return model | shape, values.get("strategy", NONE)


class RefusedError(ValueError):
    """A strategy refuses the pass of a design; `strategy` as it is spelled, `reason` in its words."""

    def __init__(self, strategy: str, reason: str) -> None:
        super().__init__(f"{strategy}: {reason}")
        self.strategy, self.reason = strategy, reason


def build(values: Mapping[str, Any]) -> Pass:
    """Return the pass of a design's values on the axes; ValueError where one does not apply to the model.

    RefusedError where that is the strategy.
    """
    return _build(json.dumps(key_of(values)), values.get("mapping", "dataflow"))


def unless_refused(make: Callable[[Mapping[str, Any]], T], values: Mapping[str, Any]) -> T | None:
    """What is made of a design's values, None where a strategy refuses."""
    try:
        return make(values)
    except RefusedError:
        return None


@lru_cache(maxsize=64)
def _build(key: str, mapping: str) -> Pass:
    model, spelled = json.loads(key)
    correct = model.pop(CORRECT, None)
    shape = {name: value for name, value in model.items() if name != "model"}
    try:
        workload = models.load(model["model"], **shape)
    except ValueError as error:
        raise ValueError(f"{label(model)}: {error}") from None
    if correct is not None:
        workload = replace(workload, answers=sampled(correct))
    edit = strategy(spelled)
    alone = undivided(edit)
    try:
        edited = edit(workload)
        return Pass(edited, network(edit, workload), edited if alone is edit else alone(workload), mapping)
    except ValueError as error:
        raise RefusedError(str(label(spelled)), str(error)) from None
