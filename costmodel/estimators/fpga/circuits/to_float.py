"""A fixed-point number's magnitude, normalised and rounded to a minifloat."""

import numpy as np

from costmodel.estimators.fpga.rounding import LEAST_EXPONENT_BITS, Rounding, lowest_exponent, rounding
from costmodel.formats import Format
from costmodel.record import Real

SMALL_BITS = 6
"""A number of so many bits is looked up: every output bit is one LUT."""
LONG_BITS = 24
"""Of five stages, the first moves more than half of a number that is longer."""
MOST_BINADES = 8
"""More exponents than so many make no difference."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of an integer `a`, or of an accumulator of acc_bits of a dot product of `a` and `b`.

    Nothing is built where every number is at most half the output's smallest one, and so rounds to zero; where none
    reaches the output's second normal exponent, its code is the number itself, rounded at one place.
    """
    summed = np.asarray(acc_bits) > 0
    width = np.where(summed, acc_bits, a.bits) * 1.0
    signed = np.where(summed, np.asarray(a.signed) | np.asarray(b.signed), np.asarray(a.signed)) * 1.0
    lowest = lowest_exponent(a) + np.where(summed, lowest_exponent(b), 0.0)
    base = lowest - lowest_exponent(out)
    r = rounding(width, out, lowest=lowest, span=0.0, magnitude=width - signed)
    alive = (base + width - signed > -1) * 1.0
    floats = alive * (r.binades > 0)
    small, built = floats * (width <= SMALL_BITS), floats * (width > SMALL_BITS)
    inside = (
        _normaliser(r, width, signed) | _rounding(r, width, base) | {"special": (np.asarray(out.special) != "") * 1.0}
    )
    return {
        "sign": alive * signed,
        "sign_bits": alive * signed * width,
        "rounded_in_place": (alive - floats) * (base < 0),
        "small": small,
        "small_bits": small * width,
        **{name: built * part for name, part in inside.items()},
    }


def _normaliser(r: Rounding, width: Real, signed: Real) -> dict[str, Real]:
    """By its number of stages: two of them are one LUT a bit; of the lowest bits, only whether one is set is read.

    More than six stages cost what six do, a bit.
    """
    four, five, six = (r.stages == 4) * 1.0, (r.stages == 5) * 1.0, (r.stages >= 6) * 1.0
    return {
        "stages_4": four,
        "stages_4_signed": four * signed,
        "stages_5": five,
        "stages_5_bits": five * width,
        "stages_5_long": five * (width > LONG_BITS),
        "stages_6": six,
        "stages_6_bits": six * width,
    }


def _rounding(r: Rounding, width: Real, base: Real) -> dict[str, Real]:
    """The shifter of subnormal results by its levels, the adders, the limits."""
    return {
        "levels_3": (r.levels == 3) * 1.0,
        "levels_3_bits": (r.levels == 3) * width,
        "levels_4": (r.levels == 4) * 1.0,
        "mantissa_bits": r.mantissa * width,
        "exponent_bits": r.exponent_bits - LEAST_EXPONENT_BITS,
        "subnormal": (r.below > 0) * 1.0,
        "below": r.below,
        "fraction_bits": np.maximum(-base, 0.0),
        "binades": np.minimum(r.binades, MOST_BINADES),
        "overflow_bits": r.overflows * width,
    }
