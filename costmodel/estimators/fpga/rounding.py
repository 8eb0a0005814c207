"""Rounding to a minifloat on the fabric: a normaliser, a shifter for what is subnormal, an adder, limits.

What cannot happen is not built: a number whose every bit the output keeps is not rounded, one whose lowest bit is a
normal number of the output is never subnormal, one that is never too large meets no limit.
"""

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.formats import Format
from costmodel.record import Real


def lowest_exponent(fmt: Format) -> Real:
    """The power of two of a format's lowest bit: an integer's, or a minifloat's smallest subnormal."""
    floating = np.asarray(fmt.encoding == "minifloat")
    return np.where(floating, 1.0 - fmt.bias, 0.0) - fmt.mantissa_bits


def round_parts(width: Real, out: Format, *, lowest: Real, span: Real) -> dict[str, Real]:
    """Of rounding `width` bits, the lowest of them 2^lowest, that move left by up to `span` more."""
    part = operand(out)
    base = lowest - lowest_exponent(out)
    mantissa = part.significand - 1
    below = np.clip(mantissa - base, 0, mantissa + 2)
    above = (base + span + width - mantissa >= 2.0**part.exponent_bits - 1) * 1.0
    rounds = (width > part.significand) * 1.0
    return {
        "normalise": _kept(width, part.significand + 2),
        "sticky": rounds * (width * ceil_log2(width + 1) - _kept(width, part.significand + 2)),
        "width": width,
        "rounds": rounds,
        "lost": rounds * (width - part.significand),
        "subnormal": (below > 0) * 1.0,
        "subnormal_shift": (part.significand + 2) * ceil_log2(below + 1),
        "code": part.significand + part.exponent_bits,
        "overflow": above,
        "overflow_code": above * (part.significand + part.exponent_bits),
    }


def _kept(width: Real, bits: Real) -> Real:
    """Multiplexers of a normaliser whose top `bits` are read: 1 bit more before its last stage, then 3, 7, ..."""
    moves = [2.0**stage for stage in range(MOST_STAGES)]
    return sum(np.where(width >= move, np.minimum(width, bits + move - 1), 0.0) for move in moves)


MOST_STAGES = 8
"""Stages of a normaliser: widths of at most 255 bits."""
