"""Floats as integers: a power-of-two grid on which sums are exact."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

GRID_BITS = 60
"""Sums of a table's largest magnitudes stay below 2**60, so that int64 arithmetic never overflows."""

_MANTISSA_BITS = 53


@dataclass(frozen=True)
class Grid:
    """A table as `floor(value * 2**shift)`; `exact` where no bit was lost, as with any integers up to 2**60."""

    values: NDArray[np.int64]
    shift: int
    exact: bool

    def of(self, table: NDArray[np.float64]) -> NDArray[np.int64]:
        """Another table on this grid, rounded down."""
        return _floor(table, self.shift)

    def floor(self, value: float) -> int:
        """The largest grid integer not above a finite value."""
        return math.floor(Fraction(value) * Fraction(2) ** self.shift)

    def real(self, value: int) -> Fraction:
        """The number that a grid integer stands for."""
        return Fraction(value) / Fraction(2) ** self.shift


def to_grid(table: NDArray[np.float64], terms: int | None = None) -> Grid:
    """Put a finite [layers, options] table on the coarsest grid that holds it exactly, or on the finest that fits.

    Sums of up to `terms` entries (default: one a layer) stay below 2**60.
    """
    mantissa, exponent = np.frexp(table)
    whole = np.ldexp(mantissa, _MANTISSA_BITS).astype(np.int64)
    lowest_bit = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    used = whole != 0
    if not used.any():
        return Grid(np.zeros(table.shape, dtype=np.int64), 0, True)
    needed = int((_MANTISSA_BITS - exponent - lowest_bit)[used].max())
    largest = int(exponent[used].max()) + (terms or len(table)).bit_length()
    shift = min(needed, GRID_BITS - largest)
    return Grid(_floor(table, shift), shift, shift == needed)


def _floor(table: NDArray[np.float64], shift: int) -> NDArray[np.int64]:
    scaled = np.ldexp(table, shift)
    underflow = (scaled == 0) & (table < 0)
    return np.where(underflow, -1, np.floor(scaled)).astype(np.int64)
