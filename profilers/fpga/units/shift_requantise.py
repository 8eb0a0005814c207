"""An accumulator of acc_bits divided by a power of two, rounded to nearest even and clipped to out_format."""

from fractions import Fraction
from typing import Any

from numpy.typing import NDArray

from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports, wrap
from profilers.fpga.units.dot import ceil_log2
from profilers.fpga.units.product import parameters
from profilers.fpga.units.requantise import checked_output, rounded


def check(design: Design) -> None:
    """acc_bits and an integer out_format alone."""
    checked_output(design)
    if design.b_format:
        raise ValueError(f"shift_requantise has no b_format, got {design.b_format!r}")


def shift_bits(design: Design) -> int:
    """Bits of the shift amount: enough to move the accumulator out."""
    return ceil_log2(design.acc_bits)


def ports(design: Design) -> Ports:
    """Accumulator a, shift amount b; y of out_format."""
    out = checked_output(design)
    return Ports((Input("a", design.acc_bits), Input("b", shift_bits(design))), out.bits, signed=out.signed)


def instance(design: Design) -> str:
    """Shift, rounding and clipping."""
    out = checked_output(design)
    sizes = {"ACC": design.acc_bits, "S": shift_bits(design), "Y": out.bits, "SIGNED": out.signed}
    return f"shift_requantise #({parameters(sizes)}) shifted (.a(a), .b(b), .y(y));"


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """round(a / 2^b), ties to even, clipped."""
    numbers = wrap(inputs["a"][..., 0], design.acc_bits, signed=True)
    amounts = inputs["b"][..., 0].flat
    exact = [Fraction(int(a), 1 << int(b)) for a, b in zip(numbers.flat, amounts, strict=True)]
    return rounded(exact, checked_output(design)).reshape(numbers.shape)
