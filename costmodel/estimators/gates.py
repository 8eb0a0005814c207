"""Two-input gates of a multiply-accumulate unit by number format: multiplier, alignment, accumulator.

A model of this project, by textbook parts (Weste, Harris, CMOS VLSI Design, 4th edition, 2011, chapter 11; Muller et
al., Handbook of Floating-Point Arithmetic, 2nd edition, 2018, chapter 8): an array multiplier, a logarithmic shifter,
ripple adders, the accumulator's register; registers between stages are left out. Van Baalen et al., FP8 versus INT8
for Efficient Deep Learning Inference, arXiv 2303.17951, say that FP8 is 50 to 180 % less efficient in dedicated
hardware. Read as gates, 1.5 to 2.8 times those of INT8, these parts give E4M3 1.48 summed in fixed point, 1.43 in fp16
and 2.90 in fp32; E5M2 2.19, 1.38 and 2.85; summed in bf16 they are 1.30 and 1.25.
"""

import numpy as np

from costmodel.claim import Claim
from costmodel.estimators.fpga.product_shape import ProductShape, ceil_log2, product_shape
from costmodel.formats import Format, get
from costmodel.record import Real

FULL_ADDER, HALF_ADDER, MULTIPLEXER = 5.0, 2.0, 3.0
"""Gates: two XOR, two AND and an OR; an XOR and an AND; two AND and an OR."""
FLIP_FLOP = 6.0
"""Gates of an edge-triggered flip-flop: three latches of two NAND each, as in the SN7474."""
ZERO_COUNT = 3.0
"""Gates a bit of a leading-zero counter (a judgement)."""
GUARD_BITS = 3.0
"""Guard, round and sticky bits of a rounded sum: IEEE 754."""
MOST_LEVELS = 10
TERMS = 4096
"""Products that an exact accumulator takes without overflow."""


def mac_gates(a: Format, b: Format, *, terms: Real = TERMS, accumulator: Format | None = None) -> Real:
    """Gates of a product of two formats and its addition to the sum; integers or signed minifloats, which broadcast.

    Without an `accumulator` the product moves into fixed point, where `terms` of them add up exactly (Kulisch); a
    floating `accumulator` aligns, adds, normalises and rounds instead. ValueError for an accumulator without exponent.
    """
    shape = product_shape(a, b)
    product = multiplier_gates(shape) + _exponent_gates(shape)
    if accumulator is None:
        bits = exact_bits(shape, terms)
        return product + shifter_gates(shape) + _sign_gates(shape) + (FULL_ADDER + FLIP_FLOP) * bits
    return product + float_adder_gates(accumulator) + FLIP_FLOP * accumulator.bits


def exact_bits(shape: ProductShape, terms: Real) -> Real:
    """Bits that hold every sum of so many products."""
    return shape.fixed + ceil_log2(terms)


def multiplier_gates(shape: ProductShape) -> Real:
    """An array of significands: an AND a pair of bits, a row of adders for each bit of the short one but the first."""
    row = FULL_ADDER * (shape.long - 1) + HALF_ADDER
    return shape.long * shape.short + (shape.short - 1) * row


def shifter_gates(shape: ProductShape) -> Real:
    """A product moved left by any amount up to the farthest, a level of multiplexers for each bit of the amount."""
    total: Real = 0.0
    for level in range(MOST_LEVELS):
        reached = np.minimum(2.0 ** (level + 1) - 1, shape.shift)
        total = total + np.where(level < shape.amount_bits, MULTIPLEXER * (shape.signed_product + reached), 0.0)
    return total


def float_adder_gates(fmt: Format) -> Real:
    """Two floats added.

    Exponents are subtracted, significands swapped, the smaller one aligned with a sticky bit and complemented where
    signs differ; the sum, complemented back where it is negative, is normalised, its exponent adjusted, and rounded up
    into the exponent; zeros, infinities and nan are told apart in both.
    """
    if not fmt.is_float:
        raise ValueError(f"a floating accumulator is a float format, got {fmt.name}")
    significand = fmt.mantissa_bits + 1 + GUARD_BITS
    exponents = 3 * FULL_ADDER * fmt.exponent_bits
    swap = 2 * MULTIPLEXER * (fmt.mantissa_bits + 1)
    shifts = 2 * MULTIPLEXER * ceil_log2(significand) * significand
    sticky, complement, negate = 1.0, 1.0, 1.0 + HALF_ADDER
    summed = (FULL_ADDER + ZERO_COUNT + sticky + complement + negate) * significand
    rounded = HALF_ADDER * (fmt.mantissa_bits + fmt.exponent_bits)
    specials = 2.0 * (fmt.mantissa_bits + fmt.exponent_bits)
    return exponents + swap + shifts + summed + rounded + specials


def over_int8(fmt: Format, *, accumulator: Format | None = None) -> float:
    """Gates of a format's unit over those of int8 with its exact accumulator."""
    int8 = get("int8")
    return float(mac_gates(fmt, fmt, accumulator=accumulator) / mac_gates(int8, int8))


def _exponent_gates(shape: ProductShape) -> Real:
    return np.where(shape.floats > 1, FULL_ADDER * shape.exponent_widest, 0.0)


def _sign_gates(shape: ProductShape) -> Real:
    """The signs' XOR, and the product's complement where they differ."""
    return np.where(shape.floats > 0, 1.0 + shape.signed_product, 0.0)


_ABSTRACT = "van Baalen et al., arXiv 2303.17951, abstract"
_TENS = 0.05
"""Half of the tens of percent that the abstract rounds to."""
_WHICH = "the abstract names neither formats nor accumulators; of E4M3 and E5M2 summed exactly, in fp16, bf16 and fp32 "


def _units() -> list[float]:
    """Gates over INT8's of every FP8 format with every accumulator."""
    sums = (None, get("fp16"), get("bf16"), get("fp32"))
    return [over_int8(get(name), accumulator=total) for name in ("fp8_e4m3", "fp8_e5m2") for total in sums]


CLAIMS = (
    Claim("FP8 against INT8", "gates-least", "gates over INT8's, the least of FP8 formats and accumulators", _ABSTRACT,
          "analytic", 1.5, lambda: min(_units()), rtol=_TENS / 1.5, how="count",
          gap=_WHICH + "the least is E5M2 in bf16, 17 % below; E4M3 summed exactly alone would be within its rounding"),
    Claim("FP8 against INT8", "gates-most", "gates over INT8's, the most of FP8 formats and accumulators", _ABSTRACT,
          "analytic", 2.8, lambda: max(_units()), rtol=_TENS / 2.8, how="count",
          gap=_WHICH + "the most is E4M3 in fp32, 3.5 % above: with the shifter that normalises each sum, without 2.3"),
)  # fmt: skip
