"""One stored width that serves several: the narrower weights are the stored integers rounded once more.

Huang et al., Nearly Lossless Adaptive Bit Switching, arXiv 2502.01199 (Double Rounding, and Hessian-aware stochastic
bit-switching, HASB). Storage of the methods it is compared with as it tells them. Its search for widths is an
allocation (`dse.allocate`); algorithm 2 as printed minimises sensitivity times bits, which would give the most
sensitive layers the fewest: its sign must be meant the other way.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import Claim
from costmodel.hardware import Cpu, Gpu
from costmodel.record import Real
from costmodel.strategies._before import before
from costmodel.strategies._layers import require_in_memory, require_matches, require_uncoded
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.rerun import RERUN, layer_of

BITS_PER_BYTE = 8
FULL_BITS = 32
KINDS = ("linear", "conv", "experts")
NARROW_FLOPS = 2.0
"""Vector FLOPs a weight that is narrowed as it is read: a half added, a shift."""


@dataclass(frozen=True)
class DoubleRounding(Shown):
    """Read the layers that a glob of `layers` matches as integers of `stored_bits` and narrow them to `bits` each pass.

    Estimate at a weight format of `bits`, others are refused: memory and traffic are then those of the stored width,
    arithmetic that of the narrow one, and the narrowing is an op before the layer, `NAME.narrow`, within its kernel.
    With `every`, layers read copies in `bits` that a switch makes once in so many passes: memory holds both widths, and
    `NAME.narrow` moves `switch_bytes` over that many passes. On an FPGA the wider memory is counted, the narrowing is
    not. Equal widths change nothing. ValueError unless 2 <= bits <= stored_bits, and for `every` below 0.
    """

    stored_bits: int = 8
    bits: int = 4
    layers: tuple[str, ...] = ("*",)
    every: int = 0

    def __post_init__(self) -> None:
        _require_widths(self.stored_bits, self.bits)
        if self.every < 0:
            raise ValueError(f"a switch is made once in at least one pass, or never (0), got every={self.every}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers narrowed as they are read."""
        require_matches(workload, self.layers)
        if self.bits == self.stored_bits:
            return workload
        require_in_memory(workload, self.touches)
        require_uncoded(workload, self.touches)
        runs = Counter(layer_of(op) for op in workload.ops if op.kind == RERUN)
        return before(workload, self.touches, lambda op: self.narrowed(op, 1 + runs[op.name]))

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are stored wide."""
        return op.kind in KINDS and op.weight_elements > 0 and any(fnmatchcase(op.name, g) for g in self.layers)

    def narrowed(self, op: Op, runs: int = 1) -> tuple[Op, Op]:
        """What narrows the weights that an op of `runs` a pass reads, and the op with the bits beyond its format."""
        if self.every:
            return self._switched(op, op.count / runs)
        flops = NARROW_FLOPS * op.weight_elements * op.weight_density * op.weight_reads
        narrowing = Op(f"{op.name}.narrow", "dequantisation", op.inputs, count=op.count, vector_flops=flops,
                       launches=0.0)  # fmt: skip
        wider = op.index_bits + self.stored_bits - self.bits
        return narrowing, replace(op, index_bits=wider, code_bits=float(self.bits))

    def _switched(self, op: Op, passes: Real) -> tuple[Op, Op]:
        """The stored weights, which a pass in `every` reads and writes in the narrow width, and the op on the copy."""
        moved = (self.stored_bits + self.bits) / self.stored_bits
        flops = NARROW_FLOPS * op.weight_elements * op.weight_density / moved
        kept = Op(
            f"{op.name}.narrow", "dequantisation", op.inputs, count=passes * moved / self.every, vector_flops=flops,
            weight_elements=op.weight_elements, weight_density=op.weight_density,
            index_bits=op.index_bits + self.stored_bits - self.bits, launches=0.0,
        )  # fmt: skip
        return kept, replace(op, code_bits=float(self.bits))


def storage_bits(widths: Sequence[int]) -> int:
    """Bits a weight that are stored for all of `widths`: those of the widest; ValueError for none or below 2."""
    if not widths or min(widths) < 2:
        raise ValueError(f"widths must be at least 2 bits each, got {list(widths)}")
    return max(widths)


def apart_bits(widths: Sequence[int]) -> int:
    """Bits a weight if every width were stored for itself."""
    return storage_bits(widths) and sum(widths)


def narrow(codes: ArrayLike, *, stored_bits: int, bits: int) -> NDArray[np.float64]:
    """The signed integers of `bits` that stored codes become: divided by 2^(stored_bits - bits), rounded, clipped.

    Their scale is the stored one times the same power of two. ValueError unless 2 <= bits <= stored_bits.
    """
    _require_widths(stored_bits, bits)
    top = 2 ** (bits - 1) - 1
    halved = np.asarray(codes, dtype=np.float64) / 2.0 ** (stored_bits - bits)
    return np.asarray(np.clip(np.rint(halved), -top - 1, top))


def switch_bytes(workload: Workload, *, stored_bits: int, bits: int) -> float:
    """Bytes that a switch moves: every weight is read as stored, and written in `bits` unless that is the same.

    Where kernels read the stored integers themselves, no switch is needed and each pass reads `stored_bits` instead.
    """
    _require_widths(stored_bits, bits)
    weights = sum(op.weight_elements for op in workload.ops)
    return float(weights * (stored_bits + bits) / BITS_PER_BYTE) if bits < stored_bits else 0.0


def _require_widths(stored_bits: int, bits: int) -> None:
    if not 2 <= bits <= stored_bits:
        raise ValueError(f"2 <= bits <= stored_bits must hold, got {bits=}, {stored_bits=}")


def switch_s(workload: Workload, device: Gpu | Cpu, *, stored_bits: int, bits: int) -> float:
    """Least time of a switch: its bytes at full memory bandwidth."""
    return float(switch_bytes(workload, stored_bits=stored_bits, bits=bits) / device.memory_bytes_per_s)


def passes_to_repay(workload: Workload, *, stored_bits: int, bits: int) -> float:
    """Passes after which a switch has saved the bytes that it moved, if every pass reads each weight once."""
    moved = switch_bytes(workload, stored_bits=stored_bits, bits=bits)
    weights = sum(op.weight_elements for op in workload.ops)
    return float(moved / (weights * (stored_bits - bits) / BITS_PER_BYTE)) if moved else 0.0


def switch_probabilities(sensitivities: ArrayLike, widths: Sequence[int]) -> NDArray[np.float64]:
    """HASB: the probability [layers, widths] with which training draws each width for each layer.

    A layer whose `sensitivities` (traces of its Hessian) is at least the mean draws width b with b / sum of widths,
    the others draw evenly. ValueError for no layers, no widths or widths below 2 bits.
    """
    traces = np.atleast_1d(np.asarray(sensitivities, dtype=np.float64))
    storage_bits(widths)
    if not traces.size or not np.isfinite(traces).all():
        raise ValueError(f"sensitivities must be finite, one a layer, got {str(traces.tolist())[:60]}")
    bits = np.asarray(widths, dtype=np.float64)
    even = np.full_like(bits, 1 / len(bits))
    return np.where((traces >= traces.mean())[:, None], bits / bits.sum(), even)


_PAPER = "Huang et al., arXiv 2502.01199, full text"
WIDTHS = (2, 4, 6, 8)
_SENSITIVE = (3.0, 1.0, 0.0)  # the first layer is the one above the mean


def _drawn(width: int, published: float) -> Claim:
    at = WIDTHS.index(width)
    return Claim("Double Rounding", f"hasb-{width}", f"chance that a sensitive layer draws {width} of 2, 4, 6, 8 bits",
                 _PAPER, "analytic", published,
                 lambda: float(switch_probabilities(_SENSITIVE, WIDTHS)[0, at]), rtol=1e-9,
                 how="definition")  # fmt: skip


CLAIMS = (
    Claim("Double Rounding", "storage-8642", "bits stored a weight for 8, 6, 4 and 2 bits", _PAPER, "analytic", 8,
          lambda: storage_bits(WIDTHS), rtol=0.0, how="definition"),
    Claim("Double Rounding", "storage-432", "bits stored a weight for 4, 3 and 2 bits", _PAPER, "analytic", 4,
          lambda: storage_bits((4, 3, 2)), rtol=0.0, how="definition"),
    Claim("Double Rounding", "storage-ratio", "storage of methods that keep fp32 over it", _PAPER, "analytic", 4,
          lambda: FULL_BITS / storage_bits(WIDTHS), rtol=0.0, how="definition"),
    _drawn(2, 0.1),
    _drawn(4, 0.2),
    _drawn(6, 0.3),
    _drawn(8, 0.4),
    Claim("Double Rounding", "accuracy-resnet18-w4a4", "ResNet-18 top-1 in W4A4, %", _PAPER, "training", 70.43),
)  # fmt: skip

EXAMPLES = (DoubleRounding(), DoubleRounding(8, 2), DoubleRounding(8, 4, every=1000))
IDENTITIES = (DoubleRounding(8, 8), DoubleRounding(layers=()))
