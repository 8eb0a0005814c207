"""One product of integers, minifloats or one of each, exact in fixed point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.codes import decode, get, integers, objects
from profilers.fpga.design import Design
from profilers.fpga.operands import Product, operand, product
from profilers.fpga.ports import Codes, Input, Ports

WIDEST_PRODUCT_BITS = 128


def check(design: Design) -> None:
    """Two integer or minifloat formats, n = 1, no accumulator."""
    exact(design)
    if design.n != 1 or design.acc_bits or design.out_format:
        raise ValueError(f"a product has n = 1, acc_bits = 0 and no out_format, got {design.name}")


def exact(design: Design) -> Product:
    """The exact product of a design's operands; ValueError where it is too wide."""
    p = product(get(design.a_format), get(design.b_format))
    if p.bits > WIDEST_PRODUCT_BITS:
        raise ValueError(f"an exact product has at most {WIDEST_PRODUCT_BITS} bits, got {p.bits} in {design.name}")
    return p


def ports(design: Design) -> Ports:
    """Codes a and b; y in units of the product's lowest exponent."""
    p = exact(design)
    inputs = (Input("a", get(design.a_format).bits), Input("b", get(design.b_format).bits))
    return Ports(inputs, p.bits, signed=p.signed, flags_invalid=bool(p.a.special or p.b.special))


def instance(design: Design) -> str:
    """The product of a and b."""
    return scalar(exact(design), a="a", b="b", y="y", invalid="invalid")


def scalar(p: Product, *, a: str, b: str, y: str, invalid: str) -> str:
    """A scalar_product between those wires, operands in the order that saves rows."""
    sizes = {"SHIFT": p.shift, "P": p.significand_bits, "Y": p.bits}
    first, second = (b, a) if p.swapped else (a, b)
    return (
        f"scalar_product #({parameters(sides(p) | sizes)}) product "
        f"(.a({first}), .b({second}), .y({y}), .invalid({invalid}));"
    )


def sides(p: Product) -> dict[str, int]:
    """The Verilog parameters of both operands."""
    values: dict[str, int] = {}
    for name, side in (("A", p.a), ("B", p.b)):
        values |= {f"{name}_BITS": side.bits, f"{name}_SIGNED": int(side.signed), f"{name}_E": side.exponent_bits}
        values |= {f"{name}_SPECIAL": side.special, f"{name}_S": side.significand_bits}
    return values


def parameters(values: dict[str, int]) -> str:
    """Verilog parameters by name."""
    return ", ".join(f".{name}({int(value)})" for name, value in values.items())


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """a * b, exact; None where an operand is not finite."""
    return np.asarray(terms(design, inputs)[..., 0])


def terms(design: Design, inputs: Codes) -> NDArray[Any]:
    """The exact product of every pair [..., n] in units of its lowest exponent; None where one is not finite."""
    pairs = []
    for port, name in (("a", design.a_format), ("b", design.b_format)):
        fmt = get(name)
        pairs.append(integers(decode(inputs[port], fmt), operand(fmt).lowest_exponent))
    both = zip(*(p.flat for p in pairs), strict=True)
    return objects((None if x is None or y is None else x * y for x, y in both), pairs[0].shape)
