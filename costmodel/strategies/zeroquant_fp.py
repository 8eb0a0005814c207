"""FP4 weights that become FP8 without arithmetic, and the error left given back by a low-rank product.

Wu, Yao, He, ZeroQuant-FP: A Leap Forward in LLMs Post-Training W4A8 Quantization Using Floating-Point Formats,
arXiv 2307.09782: scales that are powers of two (M1), or powers of two below a row's greatest scale (M2). Low-rank
compensation (LoRC): Yao et al., ZeroQuant-V2, arXiv 2303.08302.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import NoFigure
from costmodel.formats import Format, largest, smallest_subnormal
from costmodel.strategies._before import FACTORS, HEADS_AND_ROUTERS, before, multiplies
from costmodel.strategies._layers import require_in_memory, require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload


@dataclass(frozen=True)
class LowRankCompensation(Shown):
    """Add to each layer that a glob of `layers` matches, `keep` excepted, the product of two matrices of rank `rank`.

    A layer of k x n gains rank (k + n) weights as `NAME.lorc_in` and `NAME.lorc_out`, whose result its own kernel adds
    up: give them formats of their own by these names. Layers no wider than the rank stay, rank 0 changes nothing.
    ValueError for a rank below 0.
    """

    rank: int
    layers: tuple[str, ...] = ("*",)
    keep: tuple[str, ...] = HEADS_AND_ROUTERS

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise ValueError(f"the rank must be at least 0, got {self.rank}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with the products before the layers that add them."""
        require_matches(workload, self.layers)
        require_matches(workload, self.keep if self.keep != HEADS_AND_ROUTERS else ())
        require_in_memory(workload, self.touches)
        return before(workload, self.touches, self.compensate)

    def touches(self, op: Op) -> bool:
        """Whether an op is compensated."""
        return bool(0 < self.rank < min(op.k, op.n)) and multiplies(op, self.layers, self.keep)

    def compensate(self, op: Op) -> tuple[Op, Op, Op]:
        """The two narrow products and the op that adds them."""
        matrices, rows = op.weight_elements / (op.k * op.n), op.output_elements / op.n
        plain = replace(op, vector_elements=0.0, vector_flops=0.0, weight_flops=0.0, weight_density=1.0,
                        weight_block=0.0, index_bits=0.0, code_bits=0.0)  # fmt: skip
        down = replace(plain, name=op.name + FACTORS[0], n=self.rank,
                       weight_elements=matrices * op.k * self.rank, output_elements=rows * self.rank)  # fmt: skip
        up = replace(plain, name=op.name + FACTORS[1], inputs=(down.name,), k=self.rank,
                     weight_elements=matrices * self.rank * op.n, input_elements=rows * self.rank)  # fmt: skip
        total = replace(
            op,
            inputs=(*op.inputs, up.name),
            input_elements=op.input_elements + op.output_elements,
            vector_flops=op.vector_flops + op.output_elements,
        )
        return down, up, total

    def overhead(self, op: Op) -> float:
        """Weights that an op gains over those it has: rank (k + n) / (k n)."""
        return float(self.rank * (op.k + op.n) / (op.k * op.n)) if self.touches(op) else 0.0


def power_scales(scales: ArrayLike) -> NDArray[np.float64]:
    """M1: each positive scale up to a power of two, so that no weight is clipped; ValueError for others."""
    return np.asarray(np.exp2(np.ceil(np.log2(_positive(scales)))))


def row_scales(scales: ArrayLike) -> NDArray[np.float64]:
    """M2: the greatest scale of each row [..., groups] over powers of two, each no less than its own: none clips.

    The row's scale multiplies its sum once; its groups differ by shifts. ValueError unless scales are positive.
    """
    groups = _positive(scales)
    top = groups.max(axis=-1, keepdims=True)
    return np.asarray(top * np.exp2(-np.floor(np.log2(top / groups))))


def exact_shifts(narrow: Format, wide: Format) -> tuple[int, int]:
    """The least and greatest power of two by which every value of `narrow` stays a value of `wide`.

    Within them a cast only adds to the exponent. ValueError where `wide` has fewer mantissa bits or no such power.
    """
    if narrow.mantissa_bits > wide.mantissa_bits:
        raise ValueError(f"{wide.name} has fewer mantissa bits than {narrow.name}, so that no cast is exact")
    low = np.log2(smallest_subnormal(wide) / smallest_subnormal(narrow))
    high = np.floor(np.log2(largest(wide) / largest(narrow)))
    if low > high:
        raise ValueError(f"no power of two brings every value of {narrow.name} into {wide.name}")
    return int(low), int(high)


def _positive(scales: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(scales, dtype=np.float64)
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"scales must be positive and finite, got {str(array.tolist())[:60]}")
    return array


CLAIMS = ()
UNCLAIMED = (
    NoFigure("ZeroQuant-FP", "W4A8 in floating point, scales that are powers of two", "arXiv 2307.09782, abstract",
             "training"),
)  # fmt: skip

EXAMPLES = (LowRankCompensation(8),)
IDENTITIES = (LowRankCompensation(0), LowRankCompensation(8, layers=()))
