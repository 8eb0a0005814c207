"""Designs by their formats: every unit for every pair."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from profilers.fpga.design import Design
from profilers.fpga.sample import DEFAULT
from profilers.fpga.units import binary_dot, dot, sign_dot
from profilers.fpga.verilog import unit as checked

GUARD_BITS = 8
"""Bits that an accumulator has beyond one sum where its width is not given: 256 sums fit."""

LEAST_BITS: dict[str, Callable[[Design], int]] = {
    "dot": dot.tree_bits,
    "mx_dot": dot.tree_bits,
    "sign_dot": sign_dot.sum_bits,
    "binary_dot": lambda design: binary_dot.count_bits(design.n),
}
"""The units that sum n terms, and the bits of their sums."""
WITHOUT_ACCUMULATOR = ("product", "float_product", "to_fixed")


def grid(
    pairs: Iterable[tuple[str, str]],
    units: Sequence[str] = DEFAULT,
    *,
    n: Sequence[int] = (16,),
    acc_bits: int | None = None,
    out_format: str = "",
) -> list[Design]:
    """Each unit for each pair of formats, sums for each n; ValueError where a unit does not take a pair or a size.

    acc_bits None gives sums an accumulator of 8 bits more than the sum's own, other units none; products have none.
    """
    found: dict[Design, None] = {}
    for unit in units:
        for a, b in pairs:
            for terms in n if unit in LEAST_BITS else (1,):
                bare = Design(unit, a, b, terms, 0, out_format)
                design = replace(bare, acc_bits=_accumulator(bare) if acc_bits is None else acc_bits)
                found[bare if unit in WITHOUT_ACCUMULATOR else design] = None
    for design in found:
        checked(design)
    return list(found)


def _accumulator(bare: Design) -> int:
    return LEAST_BITS[bare.unit](bare) + GUARD_BITS if bare.unit in LEAST_BITS else 0
