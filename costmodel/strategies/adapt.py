"""Training in fixed point whose word length changes by layer between epochs, on weights that become sparse.

Kummer, Sidak, Reichmann, Gansterer, Adaptive Precision Training (AdaPT), arXiv 2107.13490. Only its abstract and parts
of its introduction could be read: it keeps weights in float32, trains on a quantised copy, and counts cost in
multiply-additions weighted by word length. A run that picks its word lengths is dse.compression.word_lengths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from costmodel.claim import Claim
from costmodel.strategies._before import before
from costmodel.strategies._shown import Shown
from costmodel.strategies._trace_file import whole_numbers
from costmodel.workload import Op, Workload
from costmodel.workload.gradients import BY_INPUT

FULL_BITS = 32

MASKS = "choosing which weights are left"

UNREACHED = "time of products goes with their bits, as units serial in bits would run them; no device here does"

QUANTISE_FLOPS = 5.0
"""Vector FLOPs a weight of a copy: scaled, rounded, clipped on both sides, scaled back."""


@dataclass(frozen=True)
class AdaptivePrecision(Shown):
    """Give a training step sparse weights of `density`, and the quantised copy that its passes read.

    Forward and gradients by input multiply the weights that are left, among zeros that are stored and read too, so that
    a GPU gains no time; which are left is not counted. Gradients by weight are dense, as is the float32 master. With
    `copies`, each layer's copy is made anew before the layer, `NAME.quantise`, once a step. The word length is that of
    the precision, whose `weight_bytes` are the copies' and whose `optimizer_bytes` have the masters. A schedule gives
    the mean step instead, to estimate in fp32: `word_lengths` of equally many steps each for all layers, or in the file
    `trace` as JSON lists [epochs][layers]. Products that read a copy, and the bytes they read, then go with its word
    length over 32 bits, as the paper counts: what units serial in bits would gain, not a GPU, whose pipes
    `schedule_speedup` weighs; copies are live activations from when they are made to their last product, beside the
    fp32 weights (`memory_ratio`), none of a layer of 32 bits throughout, which reads its master. ValueError for a pass
    that is no training step, a density outside (0, 1], word lengths outside 1 to 32 or both kinds of schedule.
    """

    density: float = 1.0
    copies: bool = True
    word_lengths: tuple[int, ...] = ()
    trace: str = ""
    prunes: ClassVar[bool] = True
    schedules: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise ValueError(f"the density must be within (0, 1], got {self.density}")
        if self.word_lengths and self.trace:
            raise ValueError("a schedule is word_lengths or a trace, got both")
        weighted_madds(1.0, self.word_lengths)

    @property
    def unreached(self) -> str:
        """Why no device here takes the time that a schedule leaves; empty where products keep their time."""
        narrow = self.trace or min(self.word_lengths, default=FULL_BITS) < FULL_BITS
        return UNREACHED if narrow else ""

    def __call__(self, workload: Workload) -> Workload:
        """Return the step with copies made and sparse weights multiplied."""
        if workload.phase != "training":
            raise ValueError(f"AdaPT changes a training step, got a {workload.phase} pass of {workload.name}")
        named = [op.name for op in workload.ops if _is_layer(op)]
        layers = dict(zip(named, self._shares(len(named)), strict=True))
        step = workload.map(lambda op: self._edited(op, layers))
        left_out = (MASKS,) if self.density < 1 else ()
        step = replace(step, uncounted=workload.uncounted + left_out)
        if not self.copies:
            return step
        copied = [op for op in workload.ops if _is_layer(op) and self._copies(layers[op.name])]
        copies = {op.name: _copy(op, layers[op.name]) for op in copied}
        step = before(step, lambda op: op.name in copies, lambda op: (copies[op.name], op))
        return replace(step, prepared=(*workload.prepared, *copies.values()))

    def _edited(self, op: Op, layers: Mapping[str, float]) -> Op:
        """The op as it runs: one that reads a copy with the share of the work that the copy's word length has."""
        layer = op.name.removesuffix(BY_INPUT)
        if layer not in layers:
            return op
        if self._copies(layers[layer]) and (self.word_lengths or self.trace):
            op = replace(op, prepared=(*op.prepared, _name(layer)))
        return self._sparse(op, layers[layer])

    def _copies(self, share: float) -> bool:
        """Whether a layer has a copy: under a schedule not where it keeps the word length of its master."""
        return self.copies and not ((self.word_lengths or self.trace) and share == 1)

    def _sparse(self, op: Op, share: float) -> Op:
        op = op.times(share)
        if self.density == 1:
            return op
        stored = max(op.weight_density, op.stored_density)
        return replace(op, weight_density=op.weight_density * self.density, stored_density=stored)

    def _shares(self, layers: int) -> list[float]:
        """The mean word length of each layer over the schedule, over 32 bits; 1 without one."""
        if not self.trace:
            return [float(np.mean(self.word_lengths or FULL_BITS)) / FULL_BITS] * layers
        lengths = whole_numbers(self.trace, ("epochs", "layers"))
        weighted_madds(1.0, lengths)
        if lengths.shape[1] != layers:
            raise ValueError(f"{self.trace} has word lengths of {lengths.shape[1]} layers, the network has {layers}")
        return [float(bits) / FULL_BITS for bits in lengths.mean(axis=0)]


def _is_layer(op: Op) -> bool:
    return op.kind in ("linear", "conv") and op.weight_elements > 0


def _name(layer: str) -> str:
    return f"{layer}.quantise"


def _copy(op: Op, share: float) -> Op:
    weights = float(op.weight_elements)
    return Op(
        _name(op.name), "elementwise", ("weights",), count=op.count, input_elements=weights,
        output_elements=weights * share, vector_flops=QUANTISE_FLOPS * weights,
    )  # fmt: skip


def weighted_madds(macs: ArrayLike, word_lengths: ArrayLike, densities: ArrayLike = 1.0) -> float:
    """Multiply-additions, each layer's times its word length over 32 bits and its density; arrays over layers.

    ValueError for word lengths outside 1 to 32 or densities outside 0 to 1.
    """
    bits, density = np.asarray(word_lengths, dtype=np.float64), np.asarray(densities, dtype=np.float64)
    if not ((bits >= 1) & (bits <= FULL_BITS)).all():
        raise ValueError(f"word lengths must be within 1..{FULL_BITS}, got {str(bits.tolist())[:60]}")
    if not ((density >= 0) & (density <= 1)).all():
        raise ValueError(f"densities must be within 0..1, got {str(density.tolist())[:60]}")
    return float(np.sum(np.asarray(macs) * bits / FULL_BITS * density))


def schedule_speedup(shares: Sequence[float], times_s: Sequence[float], full_s: float) -> float:
    """Speed-up over `full_s` a step where `shares` of the steps take `times_s`; ValueError unless shares sum to 1."""
    if len(shares) != len(times_s) or not isclose(sum(shares), 1.0, rel_tol=1e-9) or min(shares) < 0:
        raise ValueError(f"one share of steps a time is needed, none below 0, summing to 1, got {list(shares)}")
    return full_s / sum(share * time_s for share, time_s in zip(shares, times_s, strict=True))


def memory_ratio(
    params: ArrayLike, word_lengths: ArrayLike, densities: ArrayLike = 1.0, *, master: bool = True
) -> float:
    """Bytes of weights over those in float32 while training (`master` kept beside the copy) or afterwards."""
    copy = weighted_madds(params, word_lengths, densities) / float(np.sum(params))
    return copy + (1.0 if master else 0.0)


_ABSTRACT = "Kummer et al., arXiv 2107.13490, abstract: AlexNet and ResNet-20 on CIFAR-10 and CIFAR-100"
_COMPANION = "Kummer et al., ADEPT, 2021, abstract: the same by bit-width-weighted MAdds"


def _measured(name: str, quantity: str, published: float, source: str = _ABSTRACT) -> Claim:
    return Claim("AdaPT", name, quantity, source, "training", published)


CLAIMS = (
    _measured("training", "speed-up of training, needs its word lengths", 1.27),
    _measured("inference", "speed-up of inference, needs its word lengths", 2.33),
    _measured("size", "size of the trained model over float32's", 0.52),
    _measured("training-companion", "speed-up of training by ADEPT", 1.26, _COMPANION),
    _measured("size-companion", "size of the model trained by ADEPT over float32's", 0.53, _COMPANION),
)

EXAMPLES = (
    AdaptivePrecision(),
    AdaptivePrecision(density=0.5, copies=False),
    AdaptivePrecision(word_lengths=(8, 8, 12, 16)),
)
IDENTITIES = (AdaptivePrecision(copies=False), AdaptivePrecision(word_lengths=(FULL_BITS,)))
