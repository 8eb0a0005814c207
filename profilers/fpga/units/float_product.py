"""A product of two operands rounded once to a minifloat: floating multipliers, and dequantisers by a float scale."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format, cast
from profilers.fpga.codes import decode, get
from profilers.fpga.design import Design
from profilers.fpga.operands import SPECIAL, operand, product
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units.product import parameters, sides


def check(design: Design) -> None:
    """Two integer or minifloat formats, and an out_format that has nan where an operand has."""
    p = product(get(design.a_format), get(design.b_format))
    if design.n != 1 or design.acc_bits:
        raise ValueError(f"a product has n = 1 and acc_bits = 0, got {design.name}")
    out = checked_output(design)
    if (p.a.special or p.b.special) and not out.special:
        raise ValueError(f"{out.name} has no nan for the operands of {design.name}")


def checked_output(design: Design) -> Format:
    """The output's format; ValueError unless it is a signed minifloat of at most 16 bits."""
    if not design.out_format:
        raise ValueError(f"{design.unit} needs an out_format, got none in {design.name}")
    out = get(design.out_format)
    if not out.is_float or out.bits > 16 or not operand(out).exponent_bits:
        raise ValueError(f"out_format must be a minifloat of at most 16 bits, got {out.name}")
    return out


def ports(design: Design) -> Ports:
    """Codes a and b; y a code of out_format."""
    out = checked_output(design)
    inputs = (Input("a", get(design.a_format).bits), Input("b", get(design.b_format).bits))
    return Ports(inputs, out.bits, fmt=out)


def output(out: Format, lowest_exponent: int, span: int) -> dict[str, int]:
    """Verilog parameters of rounding to `out` what counts in 2^lowest_exponent and moves left by up to `span`."""
    base = lowest_exponent - operand(out).lowest_exponent
    lost = {"": 0, "ieee": 1 << out.mantissa_bits, "fn": 1, "fnuz": 0}[out.special]
    top = (1 << (out.exponent_bits + out.mantissa_bits)) - 1 - lost
    exponent = max(abs(base), abs(base + span)).bit_length() + 2
    values = {"E": out.exponent_bits, "M": out.mantissa_bits, "SPECIAL": SPECIAL[out.special], "TOP": top}
    return values | {"BASE": base, "X": max(exponent, 8)}


def instance(design: Design) -> str:
    """Significands' product, normalised and rounded."""
    p = product(get(design.a_format), get(design.b_format))
    values = sides(p) | output(checked_output(design), p.lowest_exponent, p.shift)
    first, second = ("b", "a") if p.swapped else ("a", "b")
    return f"float_product #({parameters(values)}) product (.a({first}), .b({second}), .y(y));"


@np.errstate(invalid="ignore")  # infinity times zero
def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The product, rounded to nearest even; overflow becomes what a dtype conversion gives."""
    a, b = (decode(inputs[port], get(name)) for port, name in (("a", design.a_format), ("b", design.b_format)))
    return cast((a * b)[..., 0], checked_output(design), overflow="ieee")
