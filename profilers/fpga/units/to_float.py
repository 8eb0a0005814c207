"""A fixed-point number to a minifloat: integers dequantised, or an accumulator of an exact dot product rounded.

With acc_bits the input is the accumulator of a dot of a_format and b_format (in units of their product's lowest
exponent); without, it is a code of the integer a_format.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import cast
from profilers.fpga.codes import decode, get
from profilers.fpga.design import Design
from profilers.fpga.operands import product
from profilers.fpga.ports import Codes, Input, Ports, wrap
from profilers.fpga.units.float_product import checked_output, output
from profilers.fpga.units.product import parameters


def check(design: Design) -> None:
    """An integer a_format alone, or two operand formats and acc_bits; a minifloat out_format."""
    checked_output(design)
    if design.n != 1 or bool(design.acc_bits) != bool(design.b_format):
        raise ValueError(f"to_float takes an integer, or two formats with acc_bits, and n = 1; got {design.name}")
    if not design.acc_bits and get(design.a_format).encoding != "integer":
        raise ValueError(f"to_float reads an integer a_format, got {design.a_format!r}")
    source(design)


def source(design: Design) -> tuple[int, bool, int]:
    """Bits, sign and lowest exponent of the input."""
    a = get(design.a_format)
    if not design.acc_bits:
        return a.bits, a.signed, -a.mantissa_bits
    p = product(a, get(design.b_format))
    return design.acc_bits, p.signed, p.lowest_exponent


def ports(design: Design) -> Ports:
    """A fixed-point a; y a code of out_format."""
    out = checked_output(design)
    return Ports((Input("a", source(design)[0]),), out.bits, fmt=out)


def instance(design: Design) -> str:
    """Sign and magnitude, normalised and rounded."""
    bits, signed, lowest = source(design)
    values = {"W": bits, "IS_SIGNED": int(signed)} | output(checked_output(design), lowest, bits)
    return f"fixed_to_minifloat #({parameters(values)}) convert (.a(a), .y(y));"


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The number, rounded to nearest even."""
    bits, signed, lowest = source(design)
    if not design.acc_bits:
        return cast(decode(inputs["a"][..., 0], get(design.a_format)), checked_output(design), overflow="ieee")
    whole = wrap(inputs["a"][..., 0], bits, signed=signed)
    odd = np.array([_rounded_to_odd(int(x)) for x in whole.flat]).reshape(whole.shape)
    return cast(np.ldexp(odd, lowest), checked_output(design), overflow="ieee")


def _rounded_to_odd(number: int) -> float:
    """A float64 that rounds further as the number itself does: 53 bits, the last one set where bits were lost.

    Boldo and Melquiond, Emulation of FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd,
    IEEE Transactions on Computers 2008, doi 10.1109/TC.2007.70819.
    """
    size = abs(number)
    extra = max(size.bit_length() - 53, 0)
    kept = (size >> extra) | (size & ((1 << extra) - 1) != 0)
    return float(np.ldexp(float(kept), extra)) * (-1.0 if number < 0 else 1.0)
