"""Layers coupled in pairs: conversions between neighbours, and what a layer costs by what reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dse.solvers.instance import Counts, Instance

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Passing:
    """What groups add by the kind of the group that reads them.

    pairs  int[pairs, 2], the group that writes and the one that reads, different; where options have kinds, a group
           writes in one pair
    loss   int[pairs, options, kinds], by the writer's option and the reader's kind, at least 0
    costs  int[budgets, pairs, options, kinds], alike
    """

    pairs: Ints
    loss: Ints
    costs: Ints

    @classmethod
    def none(cls, instance: Instance) -> "Passing":
        """No pairs."""
        options = instance.loss.shape[1]
        return cls(
            np.zeros((0, 2), np.int64),
            np.zeros((0, options, options), np.int64),
            np.zeros((len(instance.costs), 0, options, options), np.int64),
        )

    def keep(self, pairs: Ints) -> "Passing":
        """Some of the pairs."""
        return Passing(self.pairs[pairs], self.loss[pairs], self.costs[:, pairs])


@dataclass(frozen=True)
class Coupled:
    """An instance whose classes are single groups of layers, with what pairs of groups add.

    pairs      int[pairs, 2], different groups, each pair once, the lower first
    added      int[pairs, kinds, kinds], by the kinds of the two's options, on the loss grid, at least 0
    forbidden  bool[pairs, kinds, kinds], kinds that the two cannot take together
    passing    what is added by a writer's option and its reader's kind
    kinds      int[groups, options], what pairs tell options by; None = each option is a kind
    """

    instance: Instance
    pairs: Ints
    added: Ints
    forbidden: Bools
    passing: Passing
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
        added = np.array([tables[a, b] for a, b in pairs.tolist()], np.int64).reshape(len(pairs), *conversion.shape)
        return cls(instance, pairs, added, np.zeros(added.shape, bool), Passing.none(instance), kinds)

    def only(self, options: Bools) -> "Coupled":
        """The problem with the options of a bool[groups, options] mask alone."""
        return replace(self, instance=replace(self.instance, available=self.instance.available & options))

    def barring(self, barred: Sequence[tuple[tuple[int, int], Bools]]) -> "Coupled":
        """The problem in which the kinds of each (from, to) edge are not those of its bool[kinds, kinds]."""
        turned = [((a, b), table) if a < b else ((b, a), table.T) for (a, b), table in barred if a != b]
        both = np.concatenate([self.pairs, np.array([pair for pair, _ in turned], np.int64).reshape(-1, 2)])
        pairs, at = np.unique(both, axis=0, return_inverse=True)
        old, new = np.split(at.ravel(), [len(self.pairs)])
        added = np.zeros((len(pairs), *self.added.shape[1:]), np.int64)
        forbidden = np.zeros(added.shape, bool)
        added[old], forbidden[old] = self.added, self.forbidden
        for place, (_, table) in zip(new.tolist(), turned, strict=True):
            forbidden[place] |= table
        return replace(self, pairs=pairs.reshape(-1, 2), added=added, forbidden=forbidden)

    @property
    def all_kinds(self) -> Ints:
        """The kind of each option, int[groups, options]."""
        return (
            np.broadcast_to(np.arange(self.instance.loss.shape[1]), self.instance.loss.shape)
            if self.kinds is None
            else self.kinds
        )

    def kind(self, groups: Ints, options: Ints) -> Ints:
        """The kinds of some groups' options."""
        return options if self.kinds is None else np.asarray(self.kinds[groups, options])

    def by_option(self, groups: Ints, table: NDArray[Scalar]) -> NDArray[Scalar]:
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
        passed = self.passing.loss[self._passed(choice)]
        return int(self.instance.loss[rows, choice].sum() + pairs.sum() + passed.sum())

    def spent(self, choice: Ints) -> Ints:
        """The costs [budgets] of a choice."""
        alone = self.instance.costs[:, np.arange(len(choice)), choice].sum(axis=1)
        return np.asarray(alone + self.passing.costs[:, *self._passed(choice)].sum(axis=1))

    def allows(self, choice: Ints) -> bool:
        """Whether a choice has no kinds together that cannot be, and keeps every budget."""
        a, b = self.pairs.T
        if self.forbidden[np.arange(len(self.pairs)), self.kind(a, choice[a]), self.kind(b, choice[b])].any():
            return False
        instance, room = self.instance, self.instance.limits - self.spent(choice)
        return bool((room >= instance.uncertain).all() or ((room >= 0).all() and instance.admits(self.counts(choice))))

    def beside_some(self, available: Bools) -> Bools:
        """The options that an available one of each neighbour does not forbid: bool[groups, options]."""
        kinds = np.arange(self.added.shape[1])
        has = available if self.kinds is None else ((self.kinds[..., None] == kinds) & available[..., None]).any(axis=1)
        found = np.ones_like(available)
        a, b = self.pairs.T
        for group, other, table in ((a, b, self.forbidden), (b, a, self.forbidden.transpose(0, 2, 1))):
            np.logical_and.at(found, group, self.by_option(group, (~table & has[other][:, None, :]).any(axis=2)))
        return found

    def beside(self, choice: Ints) -> tuple[Ints, Ints, Bools]:
        """What each option of a group adds while the others keep their choice.

        Loss int[groups, options], costs int[budgets, groups, options], and which are forbidden.
        """
        loss, costs = self.instance.loss.copy(), self.instance.costs.copy()
        barred = np.zeros(loss.shape, bool)
        a, b = self.pairs.T
        pairs = np.arange(len(self.pairs))
        from_, to = self.kind(a, choice[a]), self.kind(b, choice[b])
        np.add.at(loss, a, self.by_option(a, self.added[pairs, :, to]))
        np.add.at(loss, b, self.by_option(b, self.added[pairs, from_, :]))
        np.logical_or.at(barred, a, self.by_option(a, self.forbidden[pairs, :, to]))
        np.logical_or.at(barred, b, self.by_option(b, self.forbidden[pairs, from_, :]))
        a, b = self.passing.pairs.T
        pairs = np.arange(len(self.passing.pairs))
        to = self.kind(b, choice[b])
        np.add.at(loss, a, self.passing.loss[pairs, :, to])
        np.add.at(loss, b, self.by_option(b, self.passing.loss[pairs, choice[a], :]))
        for found, table in zip(costs, self.passing.costs, strict=True):
            np.add.at(found, a, table[pairs, :, to])
            np.add.at(found, b, self.by_option(b, table[pairs, choice[a], :]))
        return loss, costs, barred

    def _passed(self, choice: Ints) -> tuple[Ints, Ints, Ints]:
        """Where the tables of passing have a choice."""
        a, b = self.passing.pairs.T
        return np.arange(len(a)), choice[a], self.kind(b, choice[b])
