"""A minifloat's significand with its sign, moved by its exponent."""

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of a minifloat `a`: decoded exponent bits, the sign, a shifter of two amount bits a level."""
    part = operand(a)
    value, amount = part.significand + 1, ceil_log2(part.reach + 1)
    stages = np.ceil(amount / 2)
    moves = (stages > 0) * 1.0
    return {
        "sign": value,
        "exponent": np.maximum(part.exponent_bits - 2, 0.0),
        "special": part.special,
        "shift_first": moves * np.minimum(value + 3, value + part.reach),
        "shift_output": moves * (value + part.reach),
        "shift_further": (stages > 1) * (value + part.reach),
        "shift_last": (stages > 2) * (value + part.reach),
        "power": (part.significand == 1) * 1.0,
        "power_output": (part.significand == 1) * part.reach,
        "unit": np.ones(()),
    }
