"""Bits of an accumulator that holds every dot product exactly."""

from functools import partial

import numpy as np

from costmodel.claim import Claim
from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import ceil_log2, product_shape
from costmodel.estimators.fpga.unit import width
from costmodel.formats import Format, get
from costmodel.precision import Precision, precision
from costmodel.record import Real
from costmodel.workload import Op
from costmodel.workload.ops import linear

BLOCK_GUARD_BITS = 16.0
"""Bits that a block format's accumulator has beyond one sum's, for blocks of different scales (a judgement: sums of
blocks whose scales are further apart lose the lower one's bits)."""


def integer_bits(op: Op, precision: Precision) -> Real:
    """Bits that hold every dot product of `width` integer terms: Colbert et al., arXiv 2301.13376, by data types."""
    signs = np.asarray(precision.weight.signed, dtype=np.float64) + precision.activation.signed
    alpha = np.log2(np.maximum(width(op), 1)) + precision.weight.bits + precision.activation.bits - signs
    return np.ceil(alpha + np.log2(1 + 2.0**-alpha) + 1)


def accumulator_bits(op: Op, precision: Precision) -> Real:
    """Of integers `integer_bits`; of minifloats a fixed-point sum of all exponents (Kulisch), exact until it is read.

    Kulisch, Computer Arithmetic and Validity, 2nd edition, 2013, doi 10.1515/9783110301793, chapter 8.
    """
    exact = product_shape(precision.weight, precision.activation).fixed + ceil_log2(width(op))
    blocks = (scaled(precision.weight) | scaled(precision.activation)) * BLOCK_GUARD_BITS
    floats = np.asarray(precision.weight.encoding == "minifloat") | (precision.activation.encoding == "minifloat")
    return np.where(floats | (blocks > 0), exact + blocks, integer_bits(op, precision))


def scaled(fmt: Format) -> Real:
    """Whether groups of elements share a scale."""
    return np.asarray(fmt.scale != "")


def _fixed_bits(name: str) -> float:
    """Bits of a format's values in fixed point, the sign among them."""
    part = operand(get(name))
    return float(part.significand + part.reach + 1)


def _dot_bits(name: str) -> float:
    """The accumulator of both operands in one format over ResNet-18's longest dot product."""
    layer = linear("fc", 1, LONGEST, 1)
    return float(accumulator_bits(layer, precision(f"{name}/{name}")))


LONGEST = 4608
"""Products of ResNet-18's longest dot product: 3 x 3 x 512."""
_SHED = (
    "Aggarwal et al., Shedding the Bits, arXiv 2311.12359, 2^ea + ma + 2^eb + mb + ceil(log2 n) - 1 evaluated at n = "
    "4608, as a review of it reports"
)

CLAIMS = (
    *(Claim("Minifloats on FPGAs", f"sum-{name}", f"accumulator bits of {name.upper()} products", _SHED, "analytic",
            bits, partial(_dot_bits, name), rtol=0.0, how="evaluated")
      for name, bits in (("e2m3", 26), ("e3m2", 32), ("e3m3", 34))),
    Claim("Minifloats on FPGAs", "fixed-e4m3", "bits of an E4M3 operand in fixed point",
          "AMD, kulisch_mac_single_adder (Verilog, MIT, 2024): FixedWidth = 2^ExpWidth + ManWidth, by default E4M3",
          "analytic", 19, lambda: _fixed_bits("e4m3"), rtol=0.0, how="formula"),
)  # fmt: skip
