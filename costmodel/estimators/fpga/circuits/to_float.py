"""A fixed-point number's magnitude, normalised and rounded to a minifloat."""

import numpy as np

from costmodel.estimators.fpga.rounding import lowest_exponent, round_parts
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of an integer `a`, or of an accumulator of acc_bits of a dot product of `a` and `b`.

    Nothing is built where every number is at most half the output's smallest one, and so rounds to zero.
    """
    summed = np.asarray(acc_bits) > 0
    width = np.where(summed, acc_bits, a.bits) * 1.0
    signed = np.where(summed, np.asarray(a.signed) | np.asarray(b.signed), np.asarray(a.signed)) * 1.0
    lowest = lowest_exponent(a) + np.where(summed, lowest_exponent(b), 0.0)
    rounded = round_parts(width, out, lowest=lowest, span=0.0)
    found = {"sign": signed * width, "signed": signed} | rounded | {"unit": np.ones(())}
    highest = lowest + width - signed
    alive = (highest > lowest_exponent(out) - 1) * 1.0
    return {name: alive * part for name, part in found.items()}
