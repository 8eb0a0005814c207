"""How many of n pairs of bits agree (XNOR and popcount): a binary dot product is twice that, less n."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.codes import decode, get, objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units import dot
from profilers.fpga.units.product import parameters


def check(design: Design) -> None:
    """Both formats binary; an accumulator at least as wide as the count."""
    if (design.a_format, design.b_format, design.out_format) != ("binary", "binary", ""):
        raise ValueError(f"binary_dot takes binary operands alone, got {design.name}")
    dot.check_accumulator(design, count_bits(design.n))


def count_bits(n: int) -> int:
    """Bits of the count: groups of three give two bits each, an adder tree sums them."""
    return 2 + dot.ceil_log2((n + 2) // 3)


def ports(design: Design) -> Ports:
    """n bits of a and of b; y counts."""
    inputs = (Input("a", 1, design.n), Input("b", 1, design.n))
    bits = design.acc_bits or count_bits(design.n)
    return Ports(inputs, bits, signed=False, accumulates=bool(design.acc_bits))


def instance(design: Design) -> str:
    """Agreement counts, their tree, and the accumulator."""
    bits = count_bits(design.n)
    return f"""
    wire [{bits - 1}:0] count;
    wire any_bad = 1'b0;
    binary_dot #({parameters({"N": design.n})}) agreeing (.a(a), .b(b), .y(count));
{dot.accumulator(design, bits, signed=False, source="count")}"""


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """(dot product + n) / 2."""
    a, b = (decode(inputs[port], get(name)) for port, name in (("a", design.a_format), ("b", design.b_format)))
    sums = (np.sum(a * b, axis=-1) + design.n) / 2
    return objects((int(x) for x in sums.flat), sums.shape)
