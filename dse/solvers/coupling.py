"""Layers coupled by conversions: what a pair of neighbours adds to the loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dse.solvers.instance import Counts, Instance

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Coupled:
    """An instance whose classes are single groups of layers, with the losses that pairs of groups add.

    pairs  int[pairs, 2], different groups, each pair once, the lower first
    added  int[pairs, kinds, kinds], by the kinds of the two's options, on the loss grid, at least 0
    kinds  int[groups, options], what pairs tell options by; None = each option is a kind
    """

    instance: Instance
    pairs: Ints
    added: Ints
    kinds: Ints | None = None

    @classmethod
    def of(
        cls, instance: Instance, edges: Sequence[tuple[int, int]], conversion: Ints, kinds: Ints | None = None
    ) -> "Coupled":
        """Couple groups by a conversion int[kinds, kinds] for each (from, to) edge."""
        tables: dict[tuple[int, int], Ints] = {}
        for a, b in edges:
            if a != b and conversion.any():
                pair, table = ((a, b), conversion) if a < b else ((b, a), conversion.T)
                tables[pair] = tables.get(pair, np.zeros_like(conversion)) + table
        pairs = np.array(sorted(tables), np.int64).reshape(-1, 2)
        added = np.array([tables[a, b] for a, b in pairs.tolist()], np.int64)
        return cls(instance, pairs, added.reshape(len(pairs), *conversion.shape), kinds)

    def only(self, options: Bools) -> "Coupled":
        """The problem with the options of a bool[groups, options] mask alone."""
        return replace(self, instance=replace(self.instance, available=self.instance.available & options))

    def with_pairs(self, other: "Coupled") -> "Coupled":
        """The problem with what the pairs of another one on the same groups add too."""
        both = np.concatenate([self.pairs, other.pairs])
        pairs, at = np.unique(both, axis=0, return_inverse=True)
        added = np.zeros((len(pairs), *self.added.shape[1:]), np.int64)
        np.add.at(added, at.ravel(), np.concatenate([self.added, other.added]))
        return replace(self, pairs=pairs.reshape(-1, 2), added=added)

    def kind(self, groups: Ints, options: Ints) -> Ints:
        """The kinds of some groups' options."""
        return options if self.kinds is None else np.asarray(self.kinds[groups, options])

    def by_option(self, groups: Ints, table: Ints) -> Ints:
        """A table [groups, kinds] of some groups as one [groups, options]."""
        return table if self.kinds is None else np.take_along_axis(table, self.kinds[groups], axis=1)

    def counts(self, choice: Ints) -> Counts:
        """A choice int[groups] as counts."""
        counts = np.zeros_like(self.instance.loss)
        counts[np.arange(len(choice)), choice] = 1
        return counts

    def objective(self, choice: Ints) -> int:
        """The loss of a choice, pairs included."""
        rows = np.arange(len(choice))
        a, b = self.pairs.T
        pairs = self.added[np.arange(len(self.pairs)), self.kind(a, choice[a]), self.kind(b, choice[b])]
        return int(self.instance.loss[rows, choice].sum() + pairs.sum())

    def spent(self, choice: Ints) -> Ints:
        """The costs [budgets] of a choice."""
        return np.asarray(self.instance.costs[:, np.arange(len(choice)), choice].sum(axis=1))

    def alone(self, choice: Ints) -> Ints:
        """What each option of a group adds while the others keep their choice: int[groups, options]."""
        found = self.instance.loss.copy()
        a, b = self.pairs.T
        pairs = np.arange(len(self.pairs))
        np.add.at(found, a, self.by_option(a, self.added[pairs, :, self.kind(b, choice[b])]))
        np.add.at(found, b, self.by_option(b, self.added[pairs, self.kind(a, choice[a]), :]))
        return found
