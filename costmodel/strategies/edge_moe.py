"""EdgeMoE: experts live outside of the device's memory, in widths of their own, and are loaded where a cache misses.

Yi et al., EdgeMoE: Fast On-Device Inference of MoE-based Large Language Models, arXiv 2308.14352, whose abstract names
the parts (widths by expert, a cache, preloading of predicted experts) and no figure. That a layer takes the longer of
computing and loading is derived here.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from costmodel.claim import NoFigure
from costmodel.precision import W16A16
from costmodel.strategies._before import before
from costmodel.strategies._expert_cache import by_rank, skewed_trace
from costmodel.strategies._layers import EXPERTS, require_in_memory
from costmodel.strategies._shown import Shown
from costmodel.strategies._tokens import also_covers
from costmodel.strategies._trace_file import whole_numbers
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops import collective
from costmodel.workload.ops.collective import BRINGING, LOAD

SEEN_TOKENS, SEEN_LAYERS = 256, 4
"""Size of the trace from which a strategy takes its miss rate."""


@dataclass(frozen=True)
class EdgeMoE(Shown):
    """Keep `cached` experts a layer in memory, and load those missed from the host or storage.

    cached    experts of a layer that stay, the least recently used one leaving
    bits      widths in which experts are stored and cached, those of the hottest experts first
    shares    which share of a layer's experts each width has; none = equal ones
    skew      the r-th hottest expert is asked for in proportion to r^-skew, token after token
    trace     a file of the experts that tokens took instead, JSON [tokens, layers, experts a token]
    foreseen  share of the loads that run while the layer's experts compute, as they were predicted; the others run
              before them

    Estimate at the narrowest of the widths (others are refused, unless codes were narrower before): what cached experts
    have beyond it lies beside their weights, on average over those that the cache holds. Loads come from storage whose
    rate the device's TOML names, else over the GPU's own link from the host's memory; bf16 activations. The share of
    experts that miss is that of tokens one after another: a batch asks for each of its experts once, of which a cache
    of so many lacks more, and loads of several tokens are a lower bound, as `covers` says. Of sparse experts what is
    kept is loaded, with its places: what they are stored as is said before. As many cached as there are changes
    nothing. ValueError for none or more than there are, for bits, shares and skews that are not, for traces of other
    experts, for wide copies of all of them, and for workloads without routed experts or of those that left memory
    already.
    """

    cached: int = 4
    bits: tuple[float, ...] = (4.0,)
    shares: tuple[float, ...] = ()
    skew: float = 0.0
    trace: str = ""
    foreseen: float = 0.0
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        widths = self.bits and all(0 < bits < np.inf for bits in self.bits)
        if not (self.cached >= 1 and widths and 0 <= self.skew < np.inf and 0 <= self.foreseen <= 1):
            got = f"cached={self.cached}, bits={self.bits}, skew={self.skew}, foreseen={self.foreseen}"
            raise ValueError(f"cached >= 1, bits > 0, skew >= 0 and foreseen within [0, 1] must hold, got {got}")
        told = not self.shares or (len(self.shares) == len(self.bits) and abs(sum(self.shares) - 1) < 1e-6)
        if not told or min(self.shares, default=0) < 0:
            raise ValueError(f"shares must be one for each of the bits, 1 in all, got {self.shares} for {self.bits}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload that loads experts and stores fewer."""
        layers = by_layer(workload)
        require_in_memory(workload, lambda _: True)
        copies = (op.name for op in workload.ops if op.kind == DEQUANTISATION and op.weight_elements)
        if copy := next((name for name in copies if EXPERTS in name), ""):
            raise ValueError(f"{copy} keeps all experts of {workload.name} in memory: narrow them as they are read")
        stored, taken = _experts(layers, workload)
        if self.cached > stored:
            raise ValueError(f"cached must be at most the {stored} experts of a layer, got {self.cached}")
        if self.cached == stored:
            return workload
        misses, places = self._by_rank(stored, taken, len(layers))
        missed = float(misses @ self._widths(stored)), float(misses.sum())
        wider = float(places @ (self._widths(stored) - min(self.bits)))
        first = {ops[0].name: ops for ops in layers.values()}
        late = 1.0 - self.foreseen
        told = f"{self.cached} of {stored} experts of a layer in memory"
        several = max(op.m for op in workload.ops if op.name.endswith(".gate")) > 1
        alone = ", the others loaded as tokens one by one miss them, at least" * several
        workload = also_covers(workload, told + alone)
        loading = before(workload, lambda op: op.name in first, lambda op: _loaded(op, first[op.name], missed, late))
        held = {op.name for ops in layers.values() for op in ops}
        return loading.map(
            lambda op: self._held(op, stored, missed, wider),
            lambda op: op.kind == "experts" or (op.kind == DEQUANTISATION and op.name.rpartition(".")[0] in held),
        )

    def missed_bits(self, stored: int, taken: int) -> float:
        """Bits loaded for each weight of the experts that a token takes: misses of each expert times its width."""
        return float(self._by_rank(stored, taken)[0] @ self._widths(stored))

    def _by_rank(self, stored: int, taken: int, layers: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of a layer's experts, the hottest first, shares of what is asked for that miss and of the cache's places.

        A trace has as many `layers`, if they are told.
        """
        if not self.trace:
            return _simulated(stored, taken, self.cached, self.skew)
        seen = whole_numbers(self.trace, ("tokens", "layers", "experts a token"))
        if seen.max() >= stored or seen.shape[2] != taken:
            has = f"{seen.shape[2]} of {seen.max() + 1} or more"
            raise ValueError(f"{self.trace} has {has} experts a token, the workload's layers take {taken} of {stored}")
        if layers and seen.shape[1] != layers:
            raise ValueError(f"{self.trace} has {seen.shape[1]} layers, the workload has {layers} of routed experts")
        twice = np.argwhere(np.diff(np.sort(seen, axis=2), axis=2) == 0)
        if len(twice):
            token, layer, _ = twice[0]
            raise ValueError(f"{self.trace}: token {token} takes one expert of layer {layer} twice")
        return by_rank(seen, self.cached, stored)

    def _widths(self, stored: int) -> NDArray[np.float64]:
        """The bits of each expert from the hottest on."""
        shares = self.shares or (1.0 / len(self.bits),) * len(self.bits)
        middle = (np.arange(stored) + 0.5) / stored
        return np.asarray(self.bits, dtype=np.float64)[np.searchsorted(np.cumsum(shares)[:-1], middle, side="right")]

    def _held(self, op: Op, stored: int, missed: tuple[float, float], wider: float) -> Op:
        """The op, or what makes its weights, with the experts that stay."""
        share = self.cached / stored
        held = {name: getattr(op, name) * share for name in ("weight_elements", "vector_elements")}
        held["weight_reads"] = op.weight_reads / share
        if op.kind == DEQUANTISATION:
            return replace(op, **held)
        brought = _brought(op, missed) * self.foreseen
        codes = op.code_bits or min(self.bits)
        return replace(op, fetched_elements=brought, index_bits=op.index_bits + wider, code_bits=codes, **held)


def _brought(op: Op, missed: tuple[float, float]) -> float:
    """Elements of the activations' format that an execution brings, its weights in their width, each with its place.

    `missed` are the bits loaded for each weight that it reads, and how many experts are for each that is asked for.
    """
    width_bits, rate = missed
    kept = op.weight_elements * op.weight_reads * op.weight_density
    return float(kept * (width_bits + rate * op.index_bits) / W16A16.activation.bits)


def _loaded(op: Op, layer: list[Op], missed: tuple[float, float], share: float) -> tuple[Op, ...]:
    """The op after a load of that share of what the products of its layer bring."""
    sent = sum(_brought(part, missed) for part in layer) * share
    if not sent:
        return (op,)
    load = collective(f"{op.name}{LOAD}", BRINGING, sent, 2, inputs=op.inputs[-1:])
    return replace(load, count=op.count), replace(op, inputs=(*op.inputs, load.name))


def by_layer(workload: Workload) -> dict[str, list[Op]]:
    """The products of routed experts by their layer; ValueError where there are none."""
    layers: dict[str, list[Op]] = {}
    for op in workload.ops:
        if op.kind == "experts":
            layers.setdefault(op.name.rpartition(EXPERTS)[0], []).append(op)
    if not layers:
        raise ValueError(f"{workload.name} has no routed experts")
    return layers


def _experts(layers: dict[str, list[Op]], workload: Workload) -> tuple[int, int]:
    """Experts of a layer, and how many of them a token takes."""
    layer, (op, *_) = next(iter(layers.items()))
    rows = workload.op(f"{layer}.gate").m
    return round(op.weight_elements / (op.n * op.k)), max(1, round(op.b * op.m / rows))


@cache
def _simulated(experts: int, taken: int, cached: int, skew: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    seen = skewed_trace(experts, taken, layers=SEEN_LAYERS, tokens=SEEN_TOKENS, skew=skew)
    return by_rank(seen, cached, experts)


CLAIMS = ()
UNCLAIMED = (
    NoFigure("EdgeMoE", "experts in widths of their own, cached and preloaded",
             "Yi et al., arXiv 2308.14352, abstract", "hardware"),
)  # fmt: skip

EXAMPLES = (EdgeMoE(4), EdgeMoE(2, (8.0, 2.0), (0.25, 0.75), skew=1.0, foreseen=0.8))
IDENTITIES = (EdgeMoE(8),)
