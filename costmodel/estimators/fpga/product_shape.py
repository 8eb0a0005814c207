"""The widths inside an exact product of two formats on the fabric, as array formulas over their fields.

An integer is all significand. A minifloat is a sign, an exponent and a significand with its hidden bit; the product of
two significands takes the sign and moves left by the sum of the exponents into fixed point, where it adds up without
rounding (Kulisch accumulation). profilers/fpga/rtl holds the same unit in Verilog.
"""

from dataclasses import dataclass

import numpy as np

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
    amount_bits        of the shift's amount.
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
    amount_bits: Real
    signed_product: Real
    fixed: Real


def product_shape(a: Format, b: Format) -> ProductShape:
    """The shape of a product; formats broadcast, integers or signed minifloats (others have no meaning here)."""
    left, right = _significand(a), _significand(b)
    left_signed, right_signed = _signed(a), _signed(b)
    swapped = left < right
    shift = _reach(a) + _reach(b)
    floats = _float(a) + _float(b)
    signs = np.where((floats > 0) & (left_signed + right_signed == 0), 1.0, 0.0)
    wide = [np.where(f.exponent_bits > 1, f.exponent_bits, 0.0) for f in (a, b)]
    return ProductShape(
        long=np.maximum(left, right),
        short=np.minimum(left, right),
        long_signed=np.where(swapped, right_signed, left_signed),
        short_signed=np.where(swapped, left_signed, right_signed),
        floats=floats,
        wide_exponents=(wide[0] > 0) * 1.0 + (wide[1] > 0),
        exponent_bits=wide[0] + wide[1],
        exponent_widest=np.maximum(*wide),
        specials=_special(a) + _special(b),
        amount_bits=ceil_log2(shift + 1),
        signed_product=left + right + signs,
        fixed=left + right + signs + shift,
    )


def ceil_log2(number: Real) -> Real:
    """The least k with 2^k >= number, 0 below 1."""
    return np.ceil(np.log2(np.maximum(number, 1.0)))


def _float(fmt: Format) -> Real:
    return np.asarray(fmt.encoding == "minifloat") * 1.0


def _significand(fmt: Format) -> Real:
    return np.where(_float(fmt) > 0, fmt.mantissa_bits + 1.0, fmt.bits)


def _signed(fmt: Format) -> Real:
    return np.where(_float(fmt) > 0, 0.0, np.asarray(fmt.signed) * 1.0)


def _special(fmt: Format) -> Real:
    return np.asarray(fmt.special != "") * 1.0


def _reach(fmt: Format) -> Real:
    """The largest exponent above the subnormals'."""
    top = 2.0**fmt.exponent_bits - 2 - np.asarray(fmt.special == "ieee")
    return np.where(_float(fmt) > 0, np.maximum(top, 0.0), 0.0)
