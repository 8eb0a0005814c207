"""A fixed-point number's magnitude, normalised and rounded to a minifloat."""

import numpy as np

from costmodel.estimators.fpga.rounding import LEAST_EXPONENT_BITS, Rounding, lowest_exponent, rounding
from costmodel.formats import Format
from costmodel.record import Real

TABLE_BITS = 3
"""A number of so many bits is looked up: a LUT for every output bit that is neither one of its own nor another's."""
SMALL_BITS = 6
"""Of a number of so many bits every output bit is one LUT, but for what the carry chains hide."""
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
    table, built = floats * (width <= TABLE_BITS), floats * (width > SMALL_BITS)
    small, negated = floats - table - built, signed * (alive - table)
    inside = (
        _normaliser(r, width, signed) | _rounding(r, width, base) | {"special": (np.asarray(out.special) != "") * 1.0}
    )
    return {
        "table": table * _table(width, signed, r.mantissa, np.asarray(out.exponent_bits)),
        "sign": negated,
        "sign_bits": negated * width,
        "rounded_in_place": (alive - floats) * (base < 0),
        "small": small,
        "small_bits": small * width,
        **{name: built * part for name, part in inside.items()},
    }


def _table(width: Real, signed: Real, mantissa: Real, exponent_bits: Real) -> Real:
    """LUTs of numbers of up to three bits, whose exponents are 01..1, 10..0 and 10..01.

    Of two bits: the lower bits of the exponent, and the half of 3, which no signed one has. Of three bits: the top, the
    middle and the lowest bit of the exponent, the half of 3 and 6 and the quarter of 5 and 7; signed ones are negated
    by a carry chain first, and have no 5 or 7.
    """
    two = 2 - signed
    three = 3 + 3 * signed + (1 - signed) * (mantissa >= 2) + (exponent_bits >= 3)
    return np.where(width <= 2, two, three)


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
