"""EdgeMoE: experts live outside of the device's memory, in widths of their own, and are loaded where a cache misses.

Yi et al., EdgeMoE: Fast On-Device Inference of MoE-based Large Language Models, arXiv 2308.14352, whose abstract names
the parts (widths by expert, a cache, preloading of predicted experts) and no figure. The time of a layer, the maximum
of computing and loading, is derived here.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np

from costmodel.claim import NoFigure
from costmodel.estimators.estimate import estimate
from costmodel.hardware import Gpu
from costmodel.precision import W16A16, Precision
from costmodel.record import Real
from costmodel.strategies._before import before
from costmodel.strategies._expert_cache import miss_rate, skewed_trace
from costmodel.workload import Op, Workload
from costmodel.workload.ops import collective

SEEN_TOKENS, SEEN_LAYERS = 256, 4
"""Size of the trace from which a strategy takes its miss rate."""


@dataclass(frozen=True)
class EdgeMoE:
    """Keep `cached` experts a layer on the GPU, and load those missed from the host, in `bits` a weight.

    The r-th hottest expert is asked for in proportion to r^-skew, token after token; a layer's least recently used one
    leaves. Loads cross the GPU's own link, before the layer computes and without overlap: meant for GPUs on PCIe, bf16
    activations. As many cached as there are changes nothing. ValueError for none or more than there are, for bits and
    skews that are not, and for workloads without routed experts.
    """

    cached: int = 4
    bits: float = 4.0
    skew: float = 0.0
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.cached < 1 or not 0 < self.bits < np.inf or not 0 <= self.skew < np.inf:
            raise ValueError(f"cached >= 1, bits > 0 and skew >= 0 must hold, got {self}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload that loads experts and stores fewer."""
        layers = by_layer(workload)
        stored, taken = _experts(layers, workload)
        if self.cached > stored:
            raise ValueError(f"cached must be at most the {stored} experts of a layer, got {self.cached}")
        if self.cached == stored:
            return workload
        missed = _simulated(stored, taken, self.cached, self.skew)
        first = {ops[0].name: ops for ops in layers.values()}
        loading = before(workload, lambda op: op.name in first, lambda op: self._loaded(op, first[op.name], missed))
        return loading.map(lambda op: self._held(op, stored), lambda op: op.kind == "experts")

    def _loaded(self, op: Op, layer: list[Op], missed: float) -> tuple[Op, Op]:
        weights = sum(float(part.weight_elements * part.weight_reads) for part in layer) * missed
        sent = weights * self.bits / float(W16A16.activation.bits)
        load = collective(f"{op.name}.load", "send", sent, 2, inputs=op.inputs[-1:])
        return replace(load, count=op.count), replace(op, inputs=(*op.inputs, load.name))

    def _held(self, op: Op, stored: int) -> Op:
        share = self.cached / stored
        names = ("weight_elements", "vector_elements")
        held = {name: getattr(op, name) * share for name in names}
        return replace(op, weight_reads=op.weight_reads / share, **held)


def by_layer(workload: Workload) -> dict[str, list[Op]]:
    """The products of routed experts by their layer; ValueError where there are none."""
    layers: dict[str, list[Op]] = {}
    for op in workload.ops:
        if op.kind == "experts":
            layers.setdefault(op.name.rpartition(".experts.")[0], []).append(op)
    if not layers:
        raise ValueError(f"{workload.name} has no routed experts")
    return layers


def _experts(layers: dict[str, list[Op]], workload: Workload) -> tuple[int, int]:
    """Experts of a layer, and how many of them a token takes."""
    layer, (op, *_) = next(iter(layers.items()))
    rows = workload.op(f"{layer}.gate").m
    return round(op.weight_elements / (op.n * op.k)), max(1, round(op.b * op.m / rows))


@cache
def _simulated(experts: int, taken: int, cached: int, skew: float) -> float:
    return miss_rate(skewed_trace(experts, taken, layers=SEEN_LAYERS, tokens=SEEN_TOKENS, skew=skew), cached)


def layer_s(compute_s: Real, load_s: Real, *, foreseen: Real = 1.0) -> Real:
    """Seconds of a layer whose missed experts take `load_s`, a share `foreseen` of them loaded as others compute."""
    return np.maximum(compute_s, foreseen * load_s) + (1.0 - foreseen) * load_s


@dataclass(frozen=True)
class Storage:
    """Where experts come from: bytes a second, mean bits a weight there, and the share of asked-for experts missed.

    ValueError unless rates are positive and shares within [0, 1].
    """

    bytes_per_s: float
    bits: float
    missed: float
    foreseen: float = 1.0

    def __post_init__(self) -> None:
        shares = 0 <= self.missed <= 1 and 0 <= self.foreseen <= 1
        if not (shares and self.bytes_per_s > 0 and self.bits > 0):
            raise ValueError(f"positive rates and shares within [0, 1] must hold, got {self}")


def decode_s(workload: Workload, precision: Precision, gpu: Gpu, storage: Storage) -> float:
    """Seconds of a pass whose experts come from storage: each layer's as `layer_s` says, all else as on the GPU.

    ValueError for a workload without routed experts.
    """
    seconds = estimate(workload, precision, gpu).latency_s
    took = {op.name: float(s) for op, s in zip(workload.ops, seconds, strict=True)}
    layers = by_layer(workload).values()
    compute = np.array([sum(took[op.name] for op in ops) for ops in layers])
    load = np.array([sum(_loaded_bytes(op, storage) for op in ops) for ops in layers]) / storage.bytes_per_s
    return float(seconds.sum() - compute.sum() + np.sum(layer_s(compute, load, foreseen=storage.foreseen)))


def _loaded_bytes(op: Op, storage: Storage) -> float:
    return float(op.weight_elements * op.weight_reads * storage.missed * storage.bits / 8)


CLAIMS = ()
UNCLAIMED = (
    NoFigure("EdgeMoE", "experts in widths of their own, cached and preloaded",
             "Yi et al., arXiv 2308.14352, abstract"),
)  # fmt: skip

EXAMPLES = (EdgeMoE(4), EdgeMoE(2, 2.0, skew=1.0))
IDENTITIES = (EdgeMoE(8),)
