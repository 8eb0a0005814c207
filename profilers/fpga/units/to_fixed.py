"""A minifloat to the fixed-point number that holds all its values, in units of its smallest subnormal."""

from typing import Any

from numpy.typing import NDArray

from profilers.fpga.codes import decode, get, integers
from profilers.fpga.design import Design
from profilers.fpga.operands import operand
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units.product import WIDEST_PRODUCT_BITS, parameters


def check(design: Design) -> None:
    """One minifloat format whose fixed-point number is not too wide."""
    part = operand(get(design.a_format))
    if not part.exponent_bits or design.b_format or design.out_format or design.acc_bits or design.n != 1:
        raise ValueError(f"to_fixed takes one minifloat format alone, got {design.name}")
    if ports(design).bits > WIDEST_PRODUCT_BITS:
        raise ValueError(
            f"fixed point holds at most {WIDEST_PRODUCT_BITS} bits, got {ports(design).bits} in {design.name}"
        )


def ports(design: Design) -> Ports:
    """A code a; y in units of its smallest subnormal."""
    part = operand(get(design.a_format))
    bits = part.significand_bits + 1 + part.shift
    return Ports((Input("a", part.bits),), bits, flags_invalid=bool(part.special))


def instance(design: Design) -> str:
    """Sign, then shift."""
    fmt, part = get(design.a_format), operand(get(design.a_format))
    values = {"E": fmt.exponent_bits, "M": fmt.mantissa_bits, "SPECIAL": part.special, "SHIFT": part.shift}
    values |= {"Y": ports(design).bits}
    return f"minifloat_to_fixed #({parameters(values)}) convert (.a(a), .y(y), .invalid(invalid));"


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The value in units of the smallest subnormal; None where it is not finite."""
    fmt = get(design.a_format)
    return integers(decode(inputs["a"][..., 0], fmt), operand(fmt).lowest_exponent)
