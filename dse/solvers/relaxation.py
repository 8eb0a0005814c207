"""The allocation problem with fractions of layers allowed, in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDING = 2.0**-44
"""Relative error allowed for float64 sums, far above their own; it decides what is searched, and nothing else."""


@dataclass(frozen=True)
class Relaxation:
    """The problem in float64: loss [classes, options] (inf = unavailable), costs [budgets, classes, options].

    Each class's least loss and least costs are 0; `limits` is what is left after them, `copies` the layers of a class.
    """

    loss: Floats
    costs: Floats
    limits: Floats
    copies: Floats

    def values(self, multipliers: Floats) -> Floats:
        """Loss plus priced costs: [classes, options]."""
        return np.asarray(self.loss + np.tensordot(multipliers, self.costs, axes=1))

    def bound(self, multipliers: Floats) -> float:
        """The lower bound that non-negative multipliers prove."""
        return float(self.values(multipliers).min(axis=1) @ self.copies - multipliers @ self.limits)

    def error(self, multipliers: Floats) -> float:
        """How far float64 rounding may move that bound."""
        finite = np.where(np.isfinite(self.loss), self.values(multipliers), 0.0)
        return _ROUNDING * float(finite.max(axis=1) @ self.copies + multipliers @ np.abs(self.limits))
