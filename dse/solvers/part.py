"""What is undecided of a coupled problem once some layers have one option left: it falls apart into components."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dse.solvers.coupling import Coupled
from dse.solvers.elimination import Elimination, plan
from dse.solvers.instance import Instance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Part:
    """The plans within a mask of options.

    open       int[n], the undecided groups; `decided` int[groups] the options of the others
    available  bool[n, options]
    loss       int[n, options], what pairs with decided groups add included; `start` the loss of the decided alone
    costs      int[budgets, n, options]; `room` int[budgets], what the decided leave
    pairs      int[pairs, 2] among the open, by their order here, and what they add
    kinds      int[n, options] as in Coupled, or None
    """

    coupled: Coupled
    open: Ints
    decided: Ints
    available: Bools
    loss: Ints
    start: int
    costs: Ints
    room: Ints
    pairs: Ints
    added: Ints
    kinds: Ints | None

    @classmethod
    def of(cls, coupled: Coupled, mask: Bools) -> "Part | None":
        """Decide groups with one affordable option; None where a group has none."""
        instance = coupled.instance
        affordable = _affordable(instance, mask & instance.available)
        if affordable is None:
            return None
        decided = affordable.argmax(axis=1)
        several = affordable.sum(axis=1) > 1
        open_groups = np.flatnonzero(several)
        place = np.cumsum(several) - 1
        alone = np.where(several[:, None], 0, 1)
        rows = np.arange(len(decided))
        loss = instance.loss.copy()
        a, b = coupled.pairs.T
        at, keep = np.arange(len(coupled.pairs)), several[a] & several[b]
        first, second = np.flatnonzero(several[a] & ~several[b]), np.flatnonzero(~several[a] & several[b])
        kind = coupled.kind(rows, decided)
        np.add.at(loss, a[first], coupled.by_option(a[first], coupled.added[first, :, kind[b[first]]]))
        np.add.at(loss, b[second], coupled.by_option(b[second], coupled.added[second, kind[a[second]], :]))
        fixed = np.flatnonzero(~several[a] & ~several[b])
        start = int(coupled.added[fixed, kind[a[fixed]], kind[b[fixed]]].sum())
        start += int((instance.loss[rows, decided] * alone[:, 0]).sum())
        spent = (instance.costs[:, rows, decided] * alone[:, 0]).sum(axis=1)
        kept = at[keep]
        return cls(
            coupled,
            open_groups,
            decided,
            affordable[open_groups],
            loss[open_groups],
            start,
            instance.costs[:, open_groups],
            instance.limits - spent,
            place[coupled.pairs[kept]],
            coupled.added[kept],
            None if coupled.kinds is None else coupled.kinds[open_groups],
        )

    @cached_property
    def elimination(self) -> Elimination | None:
        """How to go through the open groups; None where they are coupled too closely."""
        kinds = self.loss.shape[1] if self.kinds is None else self.coupled.added.shape[1]
        return plan(len(self.open), kinds, self.pairs, self.added.astype(np.float64))

    def eliminated(self, values: Floats) -> list[tuple[Floats, Floats]]:
        """The elimination's tables of values [n, options]."""
        assert self.elimination is not None
        return self.elimination.tables(self._by_kind(values))

    def best(self, values: Floats, tables: list[tuple[Floats, Floats]]) -> Ints:
        """The options int[n] of least sum."""
        assert self.elimination is not None
        found = self.elimination.best(tables)
        if self.kinds is None:
            return found
        return np.asarray(np.where(self.kinds == found[:, None], values, np.inf).argmin(axis=1))

    def marginals(self, values: Floats, tables: list[tuple[Floats, Floats]]) -> Floats:
        """The least sum of a choice with each option, of the parts that are coupled with it: [n, options]."""
        assert self.elimination is not None
        found = self.elimination.marginals(tables)
        return found if self.kinds is None else np.take_along_axis(found, self.kinds, axis=1) + self.beyond(values)

    def beyond(self, values: Floats) -> Floats:
        """What each option's value has more than the least of its kind: [n, options], inf where it is unavailable."""
        if self.kinds is None:
            return np.zeros(values.shape)
        least = np.take_along_axis(self._by_kind(values), self.kinds, axis=1)
        return np.where(np.isfinite(values), values - np.where(np.isfinite(least), least, 0.0), np.inf)

    def _by_kind(self, values: Floats) -> Floats:
        """The least value of each kind [n, kinds], inf where it has no option."""
        if self.kinds is None:
            return values
        kinds = range(self.coupled.added.shape[1])
        return np.stack([np.where(self.kinds == kind, values, np.inf).min(axis=1) for kind in kinds], axis=1)

    @cached_property
    def components(self) -> list[Ints]:
        """The open groups that are coupled with each other, directly or through others."""
        head = list(range(len(self.open)))

        def find(group: int) -> int:
            while head[group] != group:
                head[group] = head[head[group]]
                group = head[group]
            return group

        for a, b in self.pairs.tolist():
            head[find(a)] = find(b)
        heads = np.array([find(group) for group in range(len(head))], np.int64)
        return [np.flatnonzero(heads == h) for h in np.unique(heads)]

    @cached_property
    def single(self) -> Floats:
        """The loss of each option, inf where unavailable."""
        return np.where(self.available, self.loss, np.inf)

    @property
    def worst(self) -> float:
        """A loss that no plan here passes."""
        pairs = float(self.added.max(axis=(1, 2)).sum()) if len(self.added) else 0.0
        return self.start + float(np.where(self.available, self.loss, 0).max(axis=1).sum()) + pairs

    def values(self, prices: Floats) -> Floats:
        """Loss plus priced costs of each option."""
        return np.asarray(self.single + np.tensordot(prices, self.costs, axes=1))

    def whole(self, choice: Ints) -> Ints:
        """The choice of all groups that takes these options of the open ones."""
        found = self.decided.copy()
        found[self.open] = choice
        return found


def _affordable(instance: Instance, options: Bools) -> Bools | None:
    """The options that some budget's least sums leave room for."""
    while True:
        if not options.any(axis=1).all():
            return None
        costs = np.where(options, instance.costs, _FAR)
        least = costs.min(axis=2)
        room = instance.limits - least.sum(axis=1)
        if (room < 0).any():
            return None
        kept = options & (costs - least[:, :, None] <= room[:, None, None]).all(axis=0)
        if (kept == options).all():
            return options
        options = kept
