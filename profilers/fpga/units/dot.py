"""A dot product of n exact products: an adder tree, and an accumulator where acc_bits is given."""

from typing import Any

from numpy.typing import NDArray

from profilers.fpga.codes import get, objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units import product


def check(design: Design) -> None:
    """Two integer or minifloat formats; an accumulator at least as wide as the tree's sum."""
    if design.out_format:
        raise ValueError(f"a dot product has no out_format, got {design.out_format!r}")
    check_accumulator(design, tree_bits(design))


def check_accumulator(design: Design, least: int) -> None:
    """ValueError where an accumulator is narrower than what it adds."""
    if design.acc_bits and design.acc_bits < least:
        raise ValueError(f"acc_bits must be 0 or at least {least} for {design.name}, got {design.acc_bits}")


def tree_bits(design: Design) -> int:
    """Bits of the sum of n products."""
    return product.exact(design).bits + ceil_log2(design.n)


def ceil_log2(number: int) -> int:
    """The least k with 2^k >= number."""
    return (number - 1).bit_length()


def ports(design: Design) -> Ports:
    """n codes of a and of b; y in units of the product's lowest exponent."""
    p = product.exact(design)
    inputs = (Input("a", get(design.a_format).bits, design.n), Input("b", get(design.b_format).bits, design.n))
    bits = design.acc_bits or tree_bits(design)
    return Ports(
        inputs,
        bits,
        signed=p.signed,
        accumulates=bool(design.acc_bits),
        flags_invalid=bool(p.a.special or p.b.special),
    )


def instance(design: Design) -> str:
    """Products, tree and accumulator."""
    return summed(design, "sum") + accumulator(
        design, tree_bits(design), signed=product.exact(design).signed, source="sum"
    )


def summed(design: Design, wire: str) -> str:
    """Products and their tree, whose sum drives `wire`; `invalid` where an operand is not finite."""
    p = product.exact(design)
    a, b = get(design.a_format).bits, get(design.b_format).bits
    y = f"products[{p.bits}*i +: {p.bits}]"
    one = product.scalar(p, a=f"a[{a}*i +: {a}]", b=f"b[{b}*i +: {b}]", y=y, invalid="bad[i]")
    tree = product.parameters({"N": design.n, "W": p.bits, "SIGNED": p.signed})
    return f"""
    wire [{design.n * p.bits - 1}:0] products;
    wire [{design.n - 1}:0] bad;
    wire [{tree_bits(design) - 1}:0] {wire};
    genvar i;
    generate for (i = 0; i < {design.n}; i = i + 1) begin : term
        {one}
    end endgenerate
    adder_tree #({tree}) tree (.x(products), .y({wire}));
    wire any_bad = |bad;
"""


def accumulator(design: Design, bits: int, *, signed: bool, source: str) -> str:
    """The register that adds `source`, or a plain wire where the design has none."""
    if not design.acc_bits:
        return f"    assign y = {source};\n    assign invalid = any_bad;"
    sizes = product.parameters({"W": bits, "ACC": design.acc_bits, "SIGNED": signed})
    return f"""    accumulator #({sizes}) sums (.clk(clk), .clear(clear), .x({source}), .y(y));
    assign invalid = any_bad;"""


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The sum over n of a * b; None where an operand is not finite."""
    return total(product.terms(design, inputs))


def total(terms: NDArray[Any]) -> NDArray[Any]:
    """The sums along the last axis of Python integers; None where one is None."""
    rows = terms.reshape(-1, terms.shape[-1])
    return objects((None if any(x is None for x in row) else sum(row) for row in rows), terms.shape[:-1])
