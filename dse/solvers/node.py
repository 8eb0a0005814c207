"""A part of the plans of an instance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.solvers.instance import Counts, Instance

Ints = NDArray[np.int64]

_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Node:
    """Classes of undecided layers with the options left to them, and the counts that are decided."""

    source: Ints
    options: NDArray[np.bool_]
    copies: Ints
    fixed: Counts

    @classmethod
    def root(cls, instance: Instance) -> "Node":
        """All plans of the instance."""
        return cls(np.arange(len(instance.copies)), instance.available, instance.copies, np.zeros_like(instance.loss))

    def affordable(self, instance: Instance) -> "Node | None":
        """Drop options that a budget cannot pay for and decide classes with one left; None if a class has none."""
        options, removed = self.options, True
        while removed:
            if not options.any(axis=1).all():
                return None
            costs = np.where(options, instance.costs[:, self.source], _FAR)
            least = costs.min(axis=2)
            room = instance.limits - instance.spent(self.fixed) - least @ self.copies
            if (room < 0).any():
                return None
            kept = options & (costs - least[:, :, None] <= room[:, None, None]).all(axis=0)
            options, removed = kept, bool((kept != options).any())
        single = options.sum(axis=1) == 1
        fixed = self.fixed.copy()
        np.add.at(fixed, (self.source[single], options[single].argmax(axis=1)), self.copies[single])
        return Node(self.source[~single], options[~single], self.copies[~single], fixed)

    def split(self, group: int, option: int, most: int) -> "list[Node]":
        """Two parts: more than `most` layers of a class take an option, or at most that many."""
        fixed = self.fixed.copy()
        fixed[self.source[group], option] += most + 1
        left = self.copies.copy()
        left[group] -= most + 1
        kept = left > 0
        more = Node(self.source[kept], self.options[kept], left[kept], fixed)
        without = self.options.copy()
        without[group, option] = False
        others = self.copies.copy()
        others[group] -= most
        free = np.arange(len(self.source)) == group if most else np.zeros(len(self.source), bool)
        fewer = Node(
            np.append(self.source, self.source[free]),
            np.vstack([without, self.options[free]]),
            np.append(others, np.full(free.sum(), most)),
            self.fixed,
        )
        return [more, fewer]
