"""Designs by their formats: every unit for every pair."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from profilers.fpga.codes import known
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
    skipped: list[str] | None = None,
) -> list[Design]:
    """Each unit for each pair of formats, sums for each n; ValueError where there is no such format, or a unit does
    not take a pair or a size.

    acc_bits None gives sums an accumulator of 8 bits more than the sum's own, other units none; products have none.
    Given a list, `skipped` is told each design that cannot be and why, and ValueError is raised where none is left.
    """
    pairs = list(pairs)
    _require(pairs, n)
    found: dict[Design, None] = {}
    refused: dict[str, ValueError] = {}
    for unit in units:
        for a, b in pairs:
            for terms in n if unit in LEAST_BITS else (1,):
                try:
                    found[_checked(Design(unit, a, b, terms, 0, out_format), acc_bits)] = None
                except ValueError as error:
                    refused[f"{unit} of {a} and {b}: {error}"] = error
    if refused and (skipped is None or not found):
        raise next(iter(refused.values()))
    if skipped is not None:
        skipped += refused
    return list(found)


def _require(pairs: Sequence[tuple[str, str]], n: Sequence[int]) -> None:
    """ValueError on a number of terms or a format that no unit takes, whatever else is asked for."""
    for terms in n:
        Design("dot", n=terms)
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        known(name)


def _checked(bare: Design, acc_bits: int | None) -> Design:
    """The design with its accumulator; ValueError where it cannot be."""
    design = replace(bare, acc_bits=_accumulator(bare) if acc_bits is None else acc_bits)
    design = bare if bare.unit in WITHOUT_ACCUMULATOR else design
    checked(design)
    return design


def _accumulator(bare: Design) -> int:
    return LEAST_BITS[bare.unit](bare) + GUARD_BITS if bare.unit in LEAST_BITS else 0
