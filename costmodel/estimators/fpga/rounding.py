"""Rounding to a minifloat on the fabric: what profilers/fpga/rtl/round_to_minifloat.v builds, and what the mapper sees.

A normaliser of one choice of two a stage, an adder for the exponent, a shifter for subnormal results whose lost bits
are all read (sticky), an adder that rounds, a comparison with the largest value. The carry chains keep the mapper from
seeing that a part is never needed, so that parts are built whether they are or not; what it finds is told apart here.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.formats import Format
from costmodel.record import Real

LEAST_EXPONENT_BITS = 8.0
"""Bits of the exponent's adder, at least (profilers/fpga/units/float_product.py)."""


@dataclass(frozen=True)
class Rounding:
    """What rounding a number to a minifloat takes; scalars or arrays.

    mantissa       bits of the output's.
    stages         of the normaliser.
    levels         of the subnormal results' shifter: 2 to 4.
    exponent_bits  of the exponent's adder.
    below          the farthest that a subnormal result is shifted, in bits; 0 where none is.
    binades        normal exponents that a result may have, overflowing ones among them: at 0 nothing is normalised.
    overflows      1 where a number may be too large.
    exact          1 where the output holds every bit.
    """

    mantissa: Real
    stages: Real
    levels: Real
    exponent_bits: Real
    below: Real
    binades: Real
    overflows: Real
    exact: Real


def rounding(width: Real, out: Format, *, lowest: Real, span: Real, magnitude: Real) -> Rounding:
    """Of `width` bits, the lowest of them 2^lowest, that move left by up to `span`.

    The largest of them is below 2^(lowest + span + magnitude).
    """
    part = operand(out)
    base, mantissa = lowest - lowest_exponent(out), part.significand - 1
    farthest = np.maximum(np.abs(base), np.abs(base + np.where(span > 0, span, width)))
    return Rounding(
        mantissa=mantissa,
        stages=ceil_log2(width),
        levels=np.minimum(ceil_log2(mantissa + 3), 4.0),
        exponent_bits=np.maximum(ceil_log2(farthest + 1) + 2, LEAST_EXPONENT_BITS),
        below=np.clip(mantissa - base, 0, mantissa + 2),
        binades=np.maximum(base + span + magnitude - part.significand, 0.0),
        overflows=(base + span + width - mantissa >= 2.0**part.exponent_bits - 1) * 1.0,
        exact=(width <= part.significand) * 1.0,
    )


def lowest_exponent(fmt: Format) -> Real:
    """The power of two of a format's lowest bit: an integer's, or a minifloat's smallest subnormal."""
    floating = np.asarray(fmt.encoding == "minifloat")
    return np.where(floating, 1.0 - fmt.bias, 0.0) - fmt.mantissa_bits
