"""Random operand formats of the fabric."""

from collections.abc import Callable

import numpy as np

from costmodel.formats import Format
from profilers.fpga.codes import get


def operands(rng: np.random.Generator) -> tuple[str, str]:
    """Two formats, uniform over two integers, two minifloats, and one of each."""
    draw_a, draw_b = _KINDS[rng.integers(len(_KINDS))]
    return draw_a(rng), draw_b(rng)


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
