"""Random designs, uniform over kinds of unit and operand: the population that LUT models are fitted and judged on."""

from collections.abc import Callable

import numpy as np

from costmodel.formats import Format
from profilers.fpga.codes import get
from profilers.fpga.design import Design
from profilers.fpga.units.dot import tree_bits

MOST_TERMS = 32
GUARD_BITS = (0, 2, 4, 8)
"""Bits that an accumulator has beyond one tree's sum."""


def sample(number: int, seed: int) -> list[Design]:
    """Distinct LUT-mapped products and dot products, uniform over {product, dot} x {integer, minifloat, mixed}.

    Integers have 2 to 8 bits, signed or not; minifloats 3 to 8 bits with any split of exponent and mantissa, and
    special codes in one of three; dot products have 1 to 32 terms, three in four an accumulator. The same seed gives
    the same list, and a longer one begins with it.
    """
    if number < 0:
        raise ValueError(f"number must not be negative, got {number}")
    rng = np.random.default_rng(seed)
    found: dict[Design, None] = {}
    while len(found) < number:
        found[_design(rng)] = None
    return list(found)


def _design(rng: np.random.Generator) -> Design:
    unit = ("product", "dot")[rng.integers(2)]
    draw_a, draw_b = _KINDS[rng.integers(len(_KINDS))]
    a, b = draw_a(rng), draw_b(rng)
    if unit == "product":
        return Design(unit, a, b)
    n = int(rng.integers(1, MOST_TERMS + 1))
    guard = int(rng.choice(GUARD_BITS))
    bits = tree_bits(Design(unit, a, b, n)) + guard
    return Design(unit, a, b, n, bits if rng.random() < 0.75 else 0)


def integer(rng: np.random.Generator) -> str:
    """An integer format of 2 to 8 bits."""
    return f"{('int', 'uint')[rng.integers(2)]}{rng.integers(2, 9)}"


def minifloat(rng: np.random.Generator) -> str:
    """A minifloat format of 3 to 8 bits, at most 5 of them exponent."""
    bits = int(rng.integers(3, 9))
    exponent = int(rng.integers(1, min(bits - 1, 5) + 1))
    mantissa = bits - 1 - exponent
    suffixes = ["", "", *(["_ieee"] if mantissa else []), "_fn"]
    fmt: Format = get(f"e{exponent}m{mantissa}{suffixes[rng.integers(len(suffixes))]}")
    return fmt.name


_Draw = Callable[[np.random.Generator], str]
_KINDS: tuple[tuple[_Draw, _Draw], ...] = ((integer, integer), (minifloat, minifloat), (minifloat, integer))
