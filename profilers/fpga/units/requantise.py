"""An accumulator of acc_bits times an unsigned scale in [0, 1), rounded to nearest even and clipped to out_format.

Integer-only requantisation: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, arXiv 1712.05877, whose scale is also a fixed-point number below 1.
"""

from fractions import Fraction
from typing import Any

from numpy.typing import NDArray

from costmodel.formats import Format
from profilers.fpga.codes import get, objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports, wrap
from profilers.fpga.units.product import parameters


def check(design: Design) -> None:
    """acc_bits, an unsigned integer b_format for the scale, an integer out_format narrower than the accumulator."""
    out = checked_output(design)
    scale = get(design.b_format) if design.b_format else out
    if not design.b_format or scale.encoding != "integer" or scale.signed or scale.bits < 2:
        raise ValueError(f"the scale of requantise is an unsigned integer b_format, got {design.b_format!r}")


def checked_output(design: Design) -> Format:
    """The output's integer format; ValueError on other fields that the unit does not take."""
    out = get(design.out_format) if design.out_format else None
    if out is None or out.encoding != "integer" or design.a_format or design.n != 1:
        raise ValueError(f"{design.unit} takes acc_bits, an integer out_format and no a_format, got {design.name}")
    if design.acc_bits <= out.bits:
        raise ValueError(f"acc_bits must exceed the output's {out.bits} bits, got {design.acc_bits}")
    return out


def ports(design: Design) -> Ports:
    """Accumulator a, scale b; y of out_format."""
    out = checked_output(design)
    inputs = (Input("a", design.acc_bits), Input("b", get(design.b_format).bits))
    return Ports(inputs, out.bits, signed=out.signed)


def instance(design: Design) -> str:
    """Product, rounding and clipping."""
    out = checked_output(design)
    sizes = {"ACC": design.acc_bits, "S": get(design.b_format).bits, "Y": out.bits, "SIGNED": out.signed}
    return f"requantise #({parameters(sizes)}) scaled (.a(a), .b(b), .y(y));"


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """round(a * b / 2^bits), ties to even, clipped."""
    numbers = wrap(inputs["a"][..., 0], design.acc_bits, signed=True)
    divisor = 1 << get(design.b_format).bits
    return rounded(
        [Fraction(int(a) * int(b), divisor) for a, b in zip(numbers.flat, inputs["b"][..., 0].flat, strict=True)],
        checked_output(design),
    ).reshape(numbers.shape)


def rounded(exact: list[Fraction], out: Format) -> NDArray[Any]:
    """Fractions to the integers of a format: to nearest, ties to even (what Python's round does), clipped."""
    low = -(1 << (out.bits - 1)) if out.signed else 0
    high = low + (1 << out.bits) - 1
    return objects((min(max(round(x), low), high) for x in exact), (len(exact),))
