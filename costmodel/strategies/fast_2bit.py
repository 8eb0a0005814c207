"""Weights of two and four bits by groups, whose dequantisation runs beside the loads and products or after them.

Li et al., Fast and Efficient 2-bit LLM Inference on GPU: 2/4/16-bit in a Weight Matrix with Asynchronous
Dequantization, arXiv 2311.16442. Only its abstract could be read: the share of 4-bit groups behind its average bits is
not in it. The overlap is a model of this project, not the paper's.
"""

from dataclasses import dataclass, replace

import numpy as np

from costmodel.claim import Claim
from costmodel.record import Real
from costmodel.strategies._before import before, multiplies
from costmodel.strategies._layers import require_in_memory, require_matches, require_uncoded
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload

FIRST_ORDER_FLOPS = 2.0
"""Vector FLOPs a weight: less the zero point, times the scale."""
SECOND_ORDER_FLOPS = 2.0
"""Vector FLOPs a group whose scale is itself stored as an integer with a zero point and a scale."""


NARROW_BITS, WIDE_BITS = 2, 4
OUTLIER_BITS = 32
"""Bits of an outlier: its value in 16 and its place in 16 (a judgement: the abstract says that values have 16)."""


@dataclass(frozen=True)
class Dequantisation(Shown):
    """Add the arithmetic that turns weights into floats to the layers that a glob of `layers` matches.

    `asynchronous` counts it within each layer's own op, where it runs beside loads and products and costs only what it
    lasts longer than they; otherwise it is an op of its own before the layer, `NAME.dequantise`, and times add up.
    Estimate at a format of two-bit weights under float activations (int2_g16/bf16), others are refused: of its groups
    `wide_share` are stored in four bits, so two more a weight, and of its weights `outlier_share` once more in 16 bits
    with their place, each multiplied apart. Each pass dequantises every weight that it reads. `group` weights share a
    scale that is itself quantised. A GPU's calibrated products of narrow weights were measured with their
    dequantisation beside the loads: there, the asynchronous kind costs nothing more.
    ValueError for a group below 1 or a share outside 0 to 1.
    """

    asynchronous: bool = True
    group: int = 16
    wide_share: float = 0.0
    outlier_share: float = 0.0
    layers: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        if self.group < 1:
            raise ValueError(f"a group has at least 1 weight, got {self.group}")
        _require_shares(wide_share=self.wide_share, outlier_share=self.outlier_share)

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with dequantisation counted."""
        require_matches(workload, self.layers)
        require_uncoded(workload, self.touches)
        require_in_memory(workload, lambda op: self.touches(op) and bool(self.wide_share or self.outlier_share))
        return before(workload, self.touches, self.dequantise)

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are dequantised."""
        return multiplies(op, self.layers)

    def flops(self, op: Op) -> float:
        """Vector FLOPs of one execution's dequantisation."""
        a_weight = FIRST_ORDER_FLOPS + SECOND_ORDER_FLOPS / self.group
        return float(op.weight_elements * op.weight_density * op.weight_reads * a_weight)

    def stored(self, op: Op) -> Op:
        """The op with the bits of wide groups and outliers beside its weights, and the products of outliers."""
        beside = self.wide_share * (WIDE_BITS - NARROW_BITS) + self.outlier_share * OUTLIER_BITS
        products = op.b * op.m * op.n * op.k * op.weight_density * self.outlier_share
        flops = op.vector_flops + 2 * products
        return replace(op, index_bits=op.index_bits + beside, vector_flops=flops, code_bits=float(NARROW_BITS))

    def dequantise(self, op: Op) -> tuple[Op, ...]:
        """The op with its dequantisation, or that and then the op."""
        kept = self.stored(op)
        if self.asynchronous:
            flops = self.flops(op)
            return (replace(kept, vector_flops=kept.vector_flops + flops, weight_flops=op.weight_flops + flops),)
        alone = Op(f"{op.name}.dequantise", "dequantisation", op.inputs, count=op.count,
                   vector_flops=self.flops(op), launches=0.0)  # fmt: skip
        return alone, kept


def average_bits(
    *,
    wide_share: Real,
    narrow_bits: Real = NARROW_BITS,
    wide_bits: Real = WIDE_BITS,
    group: Real = 16.0,
    scale_bits: Real = 8.0,
    outlier_share: Real = 0.0,
    outlier_bits: Real = OUTLIER_BITS,
) -> Real:
    """Stored bits a weight where `wide_share` of the groups have `wide_bits` and the others `narrow_bits`.

    Every group has `scale_bits` more (its scale and zero point), every outlier `outlier_bits` (a value and its place).
    Arrays broadcast. ValueError for shares outside 0 to 1.
    """
    _require_shares(wide_share=wide_share, outlier_share=outlier_share)
    codes = narrow_bits * (1 - wide_share) + wide_bits * wide_share
    return codes + scale_bits / group + outlier_share * outlier_bits


def _require_shares(**shares: Real) -> None:
    for name, share in shares.items():
        if not np.all((np.asarray(share) >= 0) & (np.asarray(share) <= 1)):
            raise ValueError(f"{name} must be within 0..1, got {share}")


def overlapped_s(load_s: Real, dequantise_s: Real, multiply_s: Real, *, asynchronous: bool) -> Real:
    """Time of a layer: its longest part where they overlap, else loads and products overlap and the rest is added."""
    longer = np.maximum(load_s, multiply_s)
    return np.maximum(longer, dequantise_s) if asynchronous else longer + dequantise_s


_ABSTRACT = "Li et al., arXiv 2311.16442, abstract of version 1"


def _figure(name: str, quantity: str, kind: str, published: float, source: str = _ABSTRACT) -> Claim:
    return Claim("Fast 2-bit", name, quantity, source, kind, published)


CLAIMS = (
    _figure("bits", "average bits a weight of Llama-2-7B, its share of 4-bit groups unknown", "training", 2.85),
    _figure(
        "bits-v4",
        "average bits a weight, scales and zero points included",
        "training",
        2.91,
        "Li et al., arXiv 2311.16442, abstract of version 4",
    ),
    _figure("end-to-end", "speed-up of Llama-2-7B", "hardware", 1.74),
    _figure("asynchronous", "speed-up of asynchronous dequantisation, up to", "hardware", 3.92),
    _figure("dequantisation", "least share of time in dequantisation without it", "hardware", 0.5),
    _figure("runtime-cost", "runtime cost saved, up to", "hardware", 2.70),
    _figure("hardware-cost", "hardware cost saved, up to", "hardware", 2.81),
)

EXAMPLES = (
    Dequantisation(),
    Dequantisation(asynchronous=False),
    Dequantisation(wide_share=0.1, outlier_share=0.002),
)
IDENTITIES = (Dequantisation(layers=()),)
