"""What ties the layers of a problem together beyond budgets: shared formats, conversions, and how many formats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse import neighbours
from dse.plan import require_formats
from dse.problem import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Couplings:
    """Couplings of a problem's layers by their indices.

    groups       layers that must share an option
    conversion   float[options, options] added for each of the edges (from, to), None where there are none
    max_formats  how many options may be used in all, None = any
    """

    groups: Sequence[Sequence[int]] = ()
    conversion: Floats | None = None
    edges: list[tuple[int, int]] | None = None
    max_formats: int | None = None

    @classmethod
    def of(
        cls,
        problem: Problem,
        ties: Sequence[Sequence[str]] | str = (),
        conversion: ArrayLike | None = None,
        max_formats: int | None = None,
    ) -> "Couplings":
        """Read couplings as `minimize` takes them; ValueError where tied layers share no option, or on bad numbers."""
        require_formats(max_formats)
        groups = problem.groups(neighbours.named(problem, ties) if isinstance(ties, str) else ties)
        for group in groups:
            if np.isinf(problem.loss[group]).any(axis=0).all():
                raise ValueError(f"tied layers share no format: {', '.join(problem.layers[i] for i in group)}")
        if conversion is None:
            return cls(groups, max_formats=max_formats)
        table = _conversion(conversion, len(problem.options))
        return cls(groups, table, neighbours.edges(problem), max_formats)

    def __bool__(self) -> bool:
        return bool(self.groups or self.conversion is not None or self.max_formats)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The groups as pairs of layers that share an option."""
        return tuple(pair for group in self.groups for pair in pairwise(group) if pair[0] != pair[1])


def _conversion(given: ArrayLike, options: int) -> Floats:
    try:
        table = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        said = f"a conversion must be a number or a rectangular table of numbers, got {given!r}"
        raise TypeError(" ".join(said.split())) from None
    if table.ndim:
        return table
    if not 0 <= table < math.inf:
        raise ValueError(f"a conversion must be a finite number of at least 0, got {float(table)}")
    return np.asarray(table * (1.0 - np.eye(options)))
