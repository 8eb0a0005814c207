"""A dot product of integers with binary or ternary weights: terms are kept, inverted or dropped, never multiplied."""

from typing import Any

from numpy.typing import NDArray

from profilers.fpga.codes import decode, get, objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units import dot
from profilers.fpga.units.product import parameters


def check(design: Design) -> None:
    """An integer or ternary a, a binary or ternary b; an accumulator at least as wide as the sum."""
    a = get(design.a_format)
    if not (a.encoding == "integer" or a.name == "ternary") or design.b_format not in ("binary", "ternary"):
        raise ValueError(f"sign_dot takes an integer or ternary a and a binary or ternary b, got {design.name}")
    if design.out_format:
        raise ValueError(f"a dot product has no out_format, got {design.out_format!r}")
    dot.check_accumulator(design, sum_bits(design))


def sum_bits(design: Design) -> int:
    """Bits of the sum: a sign for unsigned a, and one bit more for the count that completes the negatives."""
    a = get(design.a_format)
    return a.bits + (0 if a.signed else 1) + dot.ceil_log2(design.n) + 1


def ports(design: Design) -> Ports:
    """n codes of a and of b."""
    inputs = (Input("a", get(design.a_format).bits, design.n), Input("b", get(design.b_format).bits, design.n))
    return Ports(inputs, design.acc_bits or sum_bits(design), accumulates=bool(design.acc_bits))


def instance(design: Design) -> str:
    """Terms, tree and accumulator."""
    a, bits = get(design.a_format), sum_bits(design)
    sizes = {"N": design.n, "A": a.bits, "A_SIGNED": a.signed, "TERNARY": design.b_format == "ternary"}
    return f"""
    wire [{bits - 1}:0] sum;
    wire any_bad = 1'b0;
    sign_dot #({parameters(sizes)}) terms (.a(a), .b(b), .y(sum));
{dot.accumulator(design, bits, signed=True, source="sum")}"""


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The sum over n of a * b."""
    a, b = (decode(inputs[port], get(name)) for port, name in (("a", design.a_format), ("b", design.b_format)))
    return dot.total(objects((int(x) for x in (a * b).flat), a.shape))
