"""A dot product of one block with shared E8M0 scales: the exact sum moves by both scales into an accumulator.

OCP Microscaling Formats (MX) Specification v1.0, 2023: Dot of two blocks is the product of their scales times the sum
of the elements' products. The accumulator keeps `fraction_bits` below the sum's own lowest bit for blocks whose scales
multiply to less than 1; lower bits are dropped (floor), higher ones wrap.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.codes import decode, get, objects
from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports
from profilers.fpga.units import dot, product
from profilers.fpga.units.product import parameters

SCALE = "e8m0"


def check(design: Design) -> None:
    """Two integer or minifloat element formats, and an accumulator at least as wide as the block's sum."""
    if design.out_format:
        raise ValueError(f"mx_dot has no out_format, got {design.out_format!r}")
    if not design.acc_bits:
        raise ValueError(f"mx_dot needs an accumulator, got acc_bits = 0 in {design.name}")
    dot.check_accumulator(design, dot.tree_bits(design))


def fraction_bits(design: Design) -> int:
    """Accumulator bits below the lowest bit of a block whose scales multiply to 1: half of what the sum leaves."""
    return (design.acc_bits - dot.tree_bits(design)) // 2


def ports(design: Design) -> Ports:
    """n codes of a and of b and a scale for each; y in units of the product's lowest exponent less the fraction."""
    a, b = get(design.a_format), get(design.b_format)
    inputs = (Input("a", a.bits, design.n), Input("b", b.bits, design.n), Input("a_scale", 8), Input("b_scale", 8))
    return Ports(inputs, design.acc_bits, accumulates=True, flags_invalid=True)


def instance(design: Design) -> str:
    """Products, tree, alignment and accumulator."""
    sizes = {"K": dot.tree_bits(design), "ACC": design.acc_bits, "FRACTION": fraction_bits(design)}
    signed = product.exact(design).signed
    extra = "" if signed else "1'b0, "
    sizes["K"] += not signed
    return f"""{dot.summed(design, "sum")}
    wire [{design.acc_bits - 1}:0] aligned;
    wire bad_scale;
    mx_align #({parameters(sizes)}) align (
        .x({{{extra}sum}}), .a_scale(a_scale), .b_scale(b_scale), .y(aligned), .invalid(bad_scale)
    );
    accumulator #({parameters({"W": design.acc_bits, "ACC": design.acc_bits, "SIGNED": 1})}) sums (
        .clk(clk), .clear(clear), .x(aligned), .y(y)
    );
    assign invalid = any_bad | bad_scale;"""


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The floor of the block's sum times both scales, in the accumulator's units; None where something is nan."""
    sums = dot.total(product.terms(design, inputs))
    scales = [decode(inputs[port][..., 0], get(SCALE)) for port in ("a_scale", "b_scale")]
    finite = np.isfinite(scales[0]) & np.isfinite(scales[1])
    powers = np.frexp(np.where(finite, scales[0], 1.0))[1] + np.frexp(np.where(finite, scales[1], 1.0))[1] - 2
    shifts = powers + fraction_bits(design)
    moved = (
        None if s is None or not ok else (s << int(k) if k >= 0 else s >> int(-k))
        for s, k, ok in zip(sums.flat, shifts.flat, finite.flat, strict=True)
    )
    return objects(moved, sums.shape)
