"""The meaning of stored codes: what hardware reads and writes, decoded with the value grids of costmodel.formats."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import formats
from costmodel.formats import Format

WIDEST_BITS = 32

_EXTRA = {
    "binary": Format("binary", 1, encoding="codebook", codebook=(-1.0, 1.0)),
    "ternary": Format("ternary", 2, encoding="codebook", codebook=(0.0, 1.0, np.nan, -1.0)),
}
"""Operand formats of FPGA units alone: code 0 and 1 for -1 and +1; two's complement without its least number."""


def get(name: str) -> Format:
    """The format of that name, binary and ternary among them.

    ValueError names integers of unheard width and formats of which groups share a scale: units take their elements.
    """
    found = known(name)
    if found.scale:
        raise ValueError(f"a unit on the fabric takes elements without a group's scale, got {name}")
    return found


def known(name: str) -> Format:
    """The format of that name, one of which groups share a scale too; ValueError names integers of unheard width."""
    integer = re.fullmatch(r"u?int(\d+)", name)
    if integer and not 1 <= int(integer[1]) <= WIDEST_BITS:
        raise ValueError(f"a format on the fabric has 1 to {WIDEST_BITS} bits, got {name}")
    return _EXTRA.get(name) or formats.get(name)


def decode(codes: Any, fmt: Format) -> NDArray[np.float64]:
    """Values of an array of codes in 0 .. 2^bits - 1, float64; infinities and nan where a code means them."""
    codes = np.asarray(codes).astype(np.int64)
    if fmt.encoding == "integer":
        wrapped = np.where(fmt.signed & (codes >> (fmt.bits - 1) == 1), codes - 2**fmt.bits, codes)
        return np.asarray(wrapped * 2.0**-fmt.mantissa_bits)
    table = np.array(fmt.codebook) if fmt.encoding == "codebook" else _table(fmt)
    return np.asarray(table[codes])


def _table(fmt: Format) -> NDArray[np.float64]:
    """All values of a minifloat by code: magnitudes ascend with the code, the special codes follow the largest."""
    grid = formats.values(fmt)
    if not fmt.signed:
        return np.concatenate([grid, np.full(2**fmt.bits - len(grid), np.nan)])
    sizes = grid[grid >= 0]
    tail = np.full(2 ** (fmt.bits - 1) - len(sizes), np.nan)
    if fmt.special == "ieee":
        tail[0] = np.inf
    positive = np.concatenate([sizes, tail])
    negative = -positive
    if fmt.special == "fnuz":
        negative[0] = np.nan
    return np.concatenate([positive, negative])


def integers(values: NDArray[np.float64], lowest_exponent: int) -> NDArray[Any]:
    """Exact Python integers of finite values in units of 2^lowest_exponent; None where a value is not finite."""
    scaled = np.ldexp(np.where(np.isfinite(values), values, 0.0), -lowest_exponent)
    if np.any(scaled != np.rint(scaled)):
        raise ValueError(f"a value is no multiple of 2^{lowest_exponent}")
    pairs = zip(scaled.flat, np.isfinite(values).flat, strict=True)
    return objects((int(x) if finite else None for x, finite in pairs), values.shape)


def objects(items: Iterable[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of Python objects, the last axis fastest."""
    array = np.empty(shape, dtype=object)
    array.reshape(-1)[:] = list(items)
    return array
