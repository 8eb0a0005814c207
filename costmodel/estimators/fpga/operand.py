"""The parts of an operand on the fabric, as array formulas over the fields of its format.

An integer is all significand. A minifloat is a sign, an exponent and a significand with its hidden bit.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.formats import Format
from costmodel.record import Real


@dataclass(frozen=True)
class Operand:
    """Bits of an operand's parts; scalars, or arrays where the format is a batch.

    is_float        1 where it has an exponent, and with it a sign of its own.
    significand     bits of the significand, a minifloat's hidden bit among them.
    signed          1 where that significand is in two's complement.
    exponent_bits   0 of an integer.
    special         1 where codes are infinities or nan.
    reach           the largest exponent above the subnormals'.
    """

    is_float: Real
    significand: Real
    signed: Real
    exponent_bits: Real
    special: Real
    reach: Real


def operand(fmt: Format) -> Operand:
    """The parts of a format: integers or signed minifloats (others have no meaning here)."""
    is_float = np.asarray(fmt.encoding == "minifloat") * 1.0
    top = 2.0**fmt.exponent_bits - 2 - np.asarray(fmt.special == "ieee")
    return Operand(
        is_float=is_float,
        significand=np.where(is_float > 0, fmt.mantissa_bits + 1.0, fmt.bits),
        signed=np.where(is_float > 0, 0.0, np.asarray(fmt.signed) * 1.0),
        exponent_bits=is_float * fmt.exponent_bits,
        special=np.asarray(fmt.special != "") * 1.0,
        reach=np.where(is_float > 0, np.maximum(top, 0.0), 0.0),
    )
