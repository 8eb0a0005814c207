"""EdgeMoE: experts live in storage, in widths of their own, and are loaded where a cache misses while others compute.

Yi et al., EdgeMoE: Fast On-Device Inference of MoE-based Large Language Models, arXiv 2308.14352, whose abstract names
the parts (widths by expert, a cache, preloading of predicted experts) and no figure. The time of a layer, the maximum
of computing and loading, is derived here. Storage is no device's memory, so this is a set of formulas and no strategy.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import Claim
from costmodel.estimators.estimate import estimate
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload

Trace = NDArray[np.int64]
"""int[tokens, layers, experts_per_token]: the experts that each token takes."""


def skewed_trace(
    experts: int, experts_per_token: int, *, layers: int, tokens: int, skew: float = 0.0, seed: int = 0
) -> Trace:
    """A trace in which the r-th hottest expert of a layer is asked for in proportion to r^-skew.

    0 = all alike. ValueError for more active than existing experts.
    """
    if not 0 < experts_per_token <= experts:
        raise ValueError(f"experts_per_token must be within 1..experts, got {experts_per_token=}, {experts=}")
    rng = np.random.default_rng(seed)
    ranks = np.argsort(rng.random((layers, experts)), axis=1) + 1
    scores = -skew * np.log(ranks) + rng.gumbel(size=(tokens, layers, experts))
    return np.argsort(-scores, axis=2)[..., :experts_per_token]


def miss_rate(trace: Trace, cached: int) -> float:
    """Share of the asked-for experts that a layer's cache of `cached`, the least recently used one leaving, lacks."""
    if cached < 0:
        raise ValueError(f"cached must be at least 0, got {cached}")
    misses = sum(_misses(trace[:, layer].ravel().tolist(), cached) for layer in range(trace.shape[1]))
    return misses / trace.size


def hottest_miss_rate(trace: Trace, cached: int) -> float:
    """The same where each layer keeps its hottest experts for good, as asked for in the trace itself."""
    counts = [np.sort(np.bincount(trace[:, layer].ravel()))[::-1] for layer in range(trace.shape[1])]
    return 1.0 - sum(float(count[:cached].sum()) for count in counts) / trace.size


def _misses(asked: Sequence[int], cached: int) -> int:
    held: OrderedDict[int, None] = OrderedDict()
    misses = 0
    for expert in asked:
        if expert in held:
            held.move_to_end(expert)
            continue
        misses += 1
        held[expert] = None
        if len(held) > cached:
            held.popitem(last=False)
    return misses


def fewest_bits(losses: ArrayLike, bits: Sequence[int], tolerance: float) -> NDArray[np.int64]:
    """The fewest bits of each expert that lose at most `tolerance`, else the most there are: int[experts].

    `losses` is float64[experts, options], an option for each of `bits`, rising.
    """
    allowed = np.asarray(losses) <= tolerance
    first = np.where(allowed.any(axis=1), allowed.argmax(axis=1), len(bits) - 1)
    return np.asarray(bits)[first]


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
    layers: dict[str, list[tuple[Op, float]]] = {}
    for op, took in zip(workload.ops, seconds, strict=True):
        if op.kind == "experts":
            layers.setdefault(op.name.rpartition(".experts.")[0], []).append((op, float(took)))
    if not layers:
        raise ValueError(f"{workload.name} has no routed experts")
    compute = np.array([sum(took for _, took in ops) for ops in layers.values()])
    load = np.array([sum(_loaded_bytes(op, storage) for op, _ in ops) for ops in layers.values()]) / storage.bytes_per_s
    return float(seconds.sum() - compute.sum() + np.sum(layer_s(compute, load, foreseen=storage.foreseen)))


def _loaded_bytes(op: Op, storage: Storage) -> float:
    return float(op.weight_elements * op.weight_reads * storage.missed * storage.bits / 8)


def resident_share(workload: Workload, cached: int) -> float:
    """Parameters in memory, `cached` experts a layer and all that is no expert, over all parameters."""
    held = sum(op.params * (_kept(op, cached) if op.kind == "experts" else 1.0) for op in workload.ops)
    return float(held / sum(op.params for op in workload.ops))


def _kept(op: Op, cached: int) -> float:
    stored = round(op.weight_elements / (op.n * op.k))
    if not 0 <= cached <= stored:
        raise ValueError(f"cached must be within 0..{stored} experts, got {cached}")
    return float(cached / stored)


CLAIMS: tuple[Claim, ...] = ()
"""The abstract has no figure."""
