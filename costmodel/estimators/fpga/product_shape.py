"""The widths inside an exact product of two formats on the fabric, as array formulas over their fields.

The product of two significands takes the sign and moves left by the sum of the exponents into fixed point, where it
adds up without rounding (Kulisch accumulation). profilers/fpga/rtl holds the same unit in Verilog, with these widths.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.estimators.fpga.operand import operand
from costmodel.formats import Format
from costmodel.record import Real


@dataclass(frozen=True)
class ProductShape:
    """Bits of a product's parts; scalars, or arrays where the formats are batches.

    long, short        significands; the multiplier has a row for each bit of the short one.
    long_signed, short_signed  1 where that significand is in two's complement.
    floats             how many operands have an exponent.
    wide_exponents     how many of those have more than one bit, so that the product moves.
    exponent_bits      of both operands together, exponents of one bit apart; `exponent_widest` the wider one's.
    specials           operands with infinities or nan.
    shift              the farthest that the product moves left; amount_bits of the shift's amount.
    signed_product, fixed  the significands' product with its sign, and the fixed-point product.
    """

    long: Real
    short: Real
    long_signed: Real
    short_signed: Real
    floats: Real
    wide_exponents: Real
    exponent_bits: Real
    exponent_widest: Real
    specials: Real
    shift: Real
    amount_bits: Real
    signed_product: Real
    fixed: Real


def product_shape(a: Format, b: Format) -> ProductShape:
    """The shape of a product; formats broadcast, integers or signed minifloats (others have no meaning here)."""
    left, right = operand(a), operand(b)
    swapped = left.significand < right.significand
    shift = left.reach + right.reach
    floats = left.is_float + right.is_float
    signs = np.where((floats > 0) & (left.signed + right.signed == 0), 1.0, 0.0)
    wide = [np.where(part.exponent_bits > 1, part.exponent_bits, 0.0) for part in (left, right)]
    significands = left.significand + right.significand
    return ProductShape(
        long=np.maximum(left.significand, right.significand),
        short=np.minimum(left.significand, right.significand),
        long_signed=np.where(swapped, right.signed, left.signed),
        short_signed=np.where(swapped, left.signed, right.signed),
        floats=floats,
        wide_exponents=(wide[0] > 0) * 1.0 + (wide[1] > 0),
        exponent_bits=wide[0] + wide[1],
        exponent_widest=np.maximum(*wide),
        specials=left.special + right.special,
        shift=shift,
        amount_bits=ceil_log2(shift + 1),
        signed_product=significands + signs,
        fixed=significands + signs + shift,
    )


def ceil_log2(number: Real) -> Real:
    """The least k with 2^k >= number, 0 below 1."""
    return np.ceil(np.log2(np.maximum(number, 1.0)))
