"""The distinct formats among the rows of a long batch: what depends on formats alone is then computed once for each."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format
from costmodel.record import Real, map_fields

BLOCK = 32_768
"""Rows at a time: their columns stay in the second-level cache."""
_SLOT_BITS = 16
_ODD = np.array([0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64).view(np.int64)
"""Multipliers of a multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4): primes of Collet's xxHash."""


def distinct(batch: Format) -> tuple[Format, NDArray[np.uint16]] | None:
    """Return the distinct formats as a batch, and the place there of every row; None where it is short or no column.

    Told apart by a hash of 64 bits of the fields that circuits read: bits, encoding, signed, exponent_bits,
    mantissa_bits, special. None too where the table of slots keeps two of them in one place.
    """
    columns: tuple[Real, ...] = (batch.exponent_bits, batch.mantissa_bits, batch.bits, batch.signed)
    texts: tuple[Real, ...] = (batch.encoding, batch.special)
    shapes = {np.shape(column) for column in (*columns, *texts)}
    if len(shapes) > 1 or len(shape := shapes.pop()) != 1 or shape[0] <= BLOCK or any(t.dtype != object for t in texts):
        return None
    hashes = np.empty(shape[0], np.int64)
    for rows in blocks(len(hashes)):
        hashes[rows] = _hash([c[rows] for c in columns], [t[rows] for t in texts])
    for odd in _ODD:
        slot, owner = np.empty(len(hashes), np.uint16), np.full(1 << _SLOT_BITS, -1)
        for rows in blocks(len(hashes)):
            slot[rows] = (hashes[rows] * odd).view(np.uint64) >> np.uint64(64 - _SLOT_BITS)
            owner[slot[rows]] = np.arange(rows.start, rows.stop)
        held = hashes[owner]
        if all(np.array_equal(held.take(slot[rows]), hashes[rows]) for rows in blocks(len(hashes))):
            first, place = owner[owner >= 0], np.cumsum(owner >= 0, dtype=np.uint16) - np.uint16(1)
            return map_fields(batch, partial(np.take, indices=first)), place.take(slot)
    return None


def blocks(rows: int) -> list[slice]:
    """Consecutive slices of at most BLOCK rows."""
    return [slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]


def _hash(columns: Sequence[Real], texts: Sequence[Real]) -> NDArray[np.int64]:
    """Of the sizes as one exact number, and of both texts' objects: equal texts in two objects are two formats."""
    size = columns[0] * 2.0**12
    for column, scale in zip(columns[1:], (2.0**12, 2.0, 1.0), strict=True):
        size += column
        size *= scale
    mixed: NDArray[np.int64] = size.view(np.int64) * _ODD[0]
    for text, odd in zip(texts, _ODD[1:], strict=True):
        mixed += np.frombuffer(text.tobytes(), np.int64) * odd
    return mixed ^ (mixed >> 29)
