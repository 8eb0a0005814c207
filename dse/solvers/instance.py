"""The allocation problem in exact integers: classes of alike layers, options, budgets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
"""How many layers of each class take each option: int[classes, options]."""


_TOGETHER = 1 << 20
"""Pairs of options that are compared at once: as many bytes as a cache holds."""


def parts(classes: int, pairs: int) -> Iterator[slice]:
    """The classes in parts of at most _TOGETHER pairs of options, each of one class at least."""
    step = max(1, _TOGETHER // pairs)
    return (slice(start, start + step) for start in range(0, classes, step))


@dataclass(frozen=True)
class Instance:
    """Minimise the summed loss of one option a layer, each cost's sum at most its limit; all on integer grids.

    loss       int[classes, options]
    costs      int[budgets, classes, options]
    limits     int[budgets]
    available  bool[classes, options]
    no_worse   bool[classes, a, b]: option a's loss and costs are at most b's, exactly
    copies     int[classes], the alike layers of each class
    uncertain  int[budgets], by how much a grid sum may understate the true one (0 = the grid is exact)
    admits     whether the counts meet every budget in exact arithmetic; asked only within the uncertain band
    """

    loss: NDArray[np.int64]
    costs: NDArray[np.int64]
    limits: NDArray[np.int64]
    available: NDArray[np.bool_]
    no_worse: NDArray[np.bool_]
    copies: NDArray[np.int64]
    uncertain: NDArray[np.int64]
    admits: Callable[[Counts], bool]

    def objective(self, counts: Counts) -> int:
        """Summed loss of counts."""
        return int((self.loss * counts).sum())

    def spent(self, counts: Counts) -> NDArray[np.int64]:
        """Summed cost under each budget."""
        return np.asarray((self.costs * counts).sum(axis=(1, 2)))

    def feasible(self, counts: Counts) -> bool:
        """Whether the counts meet every budget exactly."""
        room = self.limits - self.spent(counts)
        return bool((room >= self.uncertain).all() or ((room >= 0).all() and self.admits(counts)))

    def only(self, options: NDArray[np.bool_]) -> "Instance":
        """The instance with the options of a mask alone, bool[options] or bool[classes, options]."""
        return replace(self, available=self.available & options)

    def undominated(self) -> "Instance":
        """The instance without options that another available one equals (the first stays) or beats."""
        first = np.triu(np.ones(self.no_worse.shape[1:], dtype=bool), k=1)
        available = self.available.copy()
        for part in parts(len(available), first.size):
            no_worse = self.no_worse[part]
            beats = no_worse & (first | ~no_worse.transpose(0, 2, 1)) & self.available[part, :, None]
            available[part] &= ~beats.any(axis=1)
        return replace(self, available=available)


@dataclass(frozen=True)
class Outcome:
    """The best counts found (None: none exist or none found) and a proven lower bound on the loss, in grid units.

    `exhausted` says that the search ended by itself: then None means that none exist.
    """

    counts: Counts | None
    bound: float
    exhausted: bool
