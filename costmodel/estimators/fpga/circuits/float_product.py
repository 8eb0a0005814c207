"""A product of two significands, normalised and rounded to a minifloat."""

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.rounding import lowest_exponent, round_parts
from costmodel.formats import Format
from costmodel.record import Real

TABLE_BITS = 6
"""Significands of so many bits together multiply in one LUT an output bit."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of operands `a` and `b`: their multiplier, exponents and magnitudes, then rounding."""
    left, right, shape = operand(a), operand(b), product_shape(a, b)
    rows = (shape.short > 1) & (shape.long + shape.short > TABLE_BITS)
    lowest = lowest_exponent(a) + lowest_exponent(b)
    return {
        "rows": np.where(rows, (shape.short - 1) * (shape.long + 1), 0.0),
        "table": (~rows & (shape.short > 1)) * 1.0,
        "power_width": (shape.short == 1) * shape.long,
        "magnitude": left.signed * left.significand + right.signed * right.significand,
        "exponents": shape.exponent_bits,
        "exponent_sum": np.where(shape.wide_exponents > 1, shape.exponent_widest, 0.0),
        "special": shape.specials,
        **round_parts(shape.long + shape.short, out, lowest=lowest, span=shape.shift),
        "unit": np.ones(()),
    }
