"""A product of two significands, normalised and rounded to a minifloat."""

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import ProductShape, ceil_log2, product_shape
from costmodel.estimators.fpga.rounding import Rounding, lowest_exponent, rounding
from costmodel.formats import Format
from costmodel.record import Real

TABLE_BITS = 6
"""Significands of so many bits together multiply in one LUT a bit, which the normaliser's first stages take in."""
FEW_BITS = 8
"""Operands of so many bits together leave the mapper less to choose: what they decode is looked up with the rest."""
MOST_BINADES = 16
"""More exponents than so many make no difference."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of operands `a` and `b`: their multiplier, signs and exponents, then rounding."""
    left, right, shape = operand(a), operand(b), product_shape(a, b)
    width = shape.long + shape.short
    lowest = lowest_exponent(a) + lowest_exponent(b)
    r = rounding(width, out, lowest=lowest, span=shape.shift, magnitude=width)
    rows = (shape.short > 1) & (width > TABLE_BITS)
    return {
        "rows": np.where(rows, (shape.short - 1) * (shape.long + 1), 0.0),
        "signs": left.signed + right.signed + shape.floats,
        "integer": (shape.floats < 2) * 1.0,
        **_exponents(shape),
        **_normaliser(r, width),
        **_rounding(r, width),
        "subnormal_special": (r.below > 0) * (shape.specials > 0) * 1.0,
        "infinity": (np.asarray(out.special) == "ieee") * 1.0,
        "mantissa": r.mantissa,
        **_few(np.asarray(a.bits) + b.bits, shape),
    }


def _few(inputs: Real, shape: ProductShape) -> dict[str, Real]:
    few = (inputs <= FEW_BITS) * 1.0
    return {"few_special": few * (shape.specials > 0), "few_long": few * shape.long}


def _exponents(shape: ProductShape) -> dict[str, Real]:
    both = shape.wide_exponents > 1
    return {
        "exponents": shape.exponent_bits,
        "both": both * 1.0,
        "exponent_sum": np.where(both, shape.exponent_widest, 0.0),
        "special": shape.specials,
        "nan": (shape.specials > 0) * 1.0,
    }


def _normaliser(r: Rounding, width: Real) -> dict[str, Real]:
    """By its number of stages; more than four cost what four do, a bit."""
    three = (r.stages == 3) * 1.0
    return {
        "stages_1_bits": (r.stages == 1) * width,
        "stages_2_bits": (r.stages == 2) * width,
        "stages_3": three,
        "stages_3_bits": three * width,
        "stages_4_bits": (r.stages >= 4) * width,
    }


def _rounding(r: Rounding, width: Real) -> dict[str, Real]:
    """The shifter of subnormal results by its levels, the adders, the limits."""
    subnormal = (r.below > 0) * 1.0
    return {
        "levels_4": (r.levels == 4) * 1.0,
        "levels_4_bits": (r.levels == 4) * width,
        "subnormal": subnormal,
        "subnormal_levels_3": subnormal * (r.levels == 3),
        "subnormal_levels_4": subnormal * (r.levels == 4),
        "subnormal_bits": subnormal * width,
        "subnormal_shift": ceil_log2(r.below + 1) * (r.mantissa + 2),
        "below": r.below,
        "below_stages": r.below * r.stages,
        "binades": np.minimum(r.binades, MOST_BINADES),
        "subnormal_binades": subnormal * np.minimum(r.binades, MOST_BINADES),
        "overflow_bits": r.overflows * width,
        "exact": r.exact,
        "exact_normal": r.exact * (r.below == 0),
    }
