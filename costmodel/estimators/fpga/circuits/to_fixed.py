"""A minifloat's significand with its sign, moved by its exponent."""

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.formats import Format
from costmodel.record import Real

LUT_INPUTS = 6


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of a minifloat `a`: a carry chain that negates, a LUT for each bit of the result that the exponent moves.

    Of one bit of significand a power of two is left, a LUT a bit. Where exponent and significand are more than a LUT
    reads, a first stage moves by its exponent's two lowest bits. nan takes a LUT, infinities alone none where one bit
    of exponent says so. Exponents of more than 5 bits were not synthesised.
    """
    part = operand(a)
    exponent, value = part.exponent_bits, part.significand + 1
    moves, power = exponent > 1, part.significand == 1
    codes = 2.0**exponent - 2
    ieee = np.asarray(a.special == "ieee")
    reads = exponent + value
    return {
        "sign": np.where(power, 0.0, value),
        "output": np.where(moves & ~power, value - 1 + codes, 0.0),
        "power": np.where(power, codes + 2, 0.0),
        "special": part.special * (moves | ~ieee),
        "first_stage": np.where((exponent > 2) & ~power & (reads > LUT_INPUTS + 1), value + 3, 0.0),
        "one_more": (exponent == 3) & ~power & (reads == LUT_INPUTS + 1),
        "decoder": (exponent > 3) & ~power,
    }
