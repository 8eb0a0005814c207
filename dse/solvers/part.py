"""What is undecided of a coupled problem once some layers have one option left: it falls apart into components."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dse.pareto import distinct
from dse.solvers.coupling import Coupled, Passing
from dse.solvers.elimination import Elimination, plan
from dse.solvers.instance import Instance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FAR = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Values:
    """Loss plus priced costs: of options [n, options], inf where unavailable; of passing [pairs, options, kinds]."""

    single: Floats
    passed: Floats


@dataclass(frozen=True)
class Part:
    """The plans within a mask of options.

    open       int[n], the undecided groups; `decided` int[groups] the options of the others
    available  bool[n, options]
    loss       int[n, options], what pairs with decided groups add included; `start` the loss of the decided alone
    costs      int[budgets, n, options], alike; `room` int[budgets], what the decided leave
    pairs      int[pairs, 2] among the open, by their order here, what they add and what they forbid
    passing    as in Coupled, among the open
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
    forbidden: Bools
    passing: Passing
    kinds: Ints | None

    @classmethod
    def of(cls, coupled: Coupled, options: Bools) -> "Part | None":
        """Decide groups with one affordable option; None where a group has none.

        What pairs add is added to one of the two where the other has options of one kind left.
        """
        instance, passing = coupled.instance, coupled.passing
        affordable = _possible(coupled, options & instance.available)
        if affordable is None:
            return None
        decided, several = affordable.argmax(axis=1), affordable.sum(axis=1) > 1
        kind = coupled.kind(np.arange(len(decided)), decided)
        varied = (affordable & (coupled.all_kinds != kind[:, None])).any(axis=1)
        loss, costs = instance.loss.copy(), instance.costs.copy()
        (a, b), pairs = coupled.pairs.T, np.arange(len(coupled.pairs))
        second, first = pairs[~varied[a]], pairs[varied[a] & ~varied[b]]
        np.add.at(loss, a[first], coupled.by_option(a[first], coupled.added[first, :, kind[b[first]]]))
        np.add.at(loss, b[second], coupled.by_option(b[second], coupled.added[second, kind[a[second]], :]))
        (c, d), passes = passing.pairs.T, np.arange(len(passing.pairs))
        first, second = passes[~varied[d]], passes[varied[d] & ~several[c]]
        for found, table in ((loss, passing.loss), *zip(costs, passing.costs, strict=True)):
            np.add.at(found, c[first], table[first, :, kind[d[first]]])
            np.add.at(found, d[second], coupled.by_option(d[second], table[second, decided[c[second]], :]))
        open_groups, one, place = np.flatnonzero(several), np.flatnonzero(~several), np.cumsum(several) - 1
        kept, within = pairs[varied[a] & varied[b]], passes[varied[d] & several[c]]
        return cls(
            coupled,
            open_groups,
            decided,
            affordable[open_groups],
            loss[open_groups],
            int(loss[one, decided[one]].sum()),
            costs[:, open_groups],
            instance.limits - costs[:, one, decided[one]].sum(axis=1),
            place[coupled.pairs[kept]],
            coupled.added[kept],
            coupled.forbidden[kept],
            replace(passing.keep(within), pairs=place[passing.pairs[within]]),
            None if coupled.kinds is None else coupled.kinds[open_groups],
        )

    @cached_property
    def elimination(self) -> Elimination | None:
        """How to go through the open groups; None where they are coupled too closely."""
        options = [np.flatnonzero(row) for row in self.available]
        left = options if self.kinds is None else [np.unique(k[o]) for k, o in zip(self.kinds, options, strict=True)]
        kinds = self.loss.shape[1] if self.kinds is None else self.coupled.added.shape[1]
        added = np.where(self.forbidden, np.inf, self.added)
        return plan(left, kinds, self.pairs, added, self.passing.pairs)

    def eliminated(self, values: Values) -> list[tuple[Floats, Floats]]:
        """The elimination's tables of values."""
        assert self.elimination is not None
        least = self.by_kind(values)
        return self.elimination.tables(least.single, least.passed)

    def least(self, values: Values, masks: Bools) -> Floats:
        """The least sum of values among the options of each mask bool[masks, n, options], inf where there is none.

        Of kinds that a mask has in part it is that of the whole kind.
        """
        assert self.elimination is not None
        least = self.by_kind(values)
        if self.kinds is not None:
            kinds = np.arange(self.coupled.added.shape[1])
            masks = np.stack([(masks & (self.kinds == kind)).any(axis=2) for kind in kinds], axis=2)
        return self.elimination.least(np.where(masks, least.single, np.inf), least.passed)

    def best(self, values: Values, tables: list[tuple[Floats, Floats]]) -> Ints:
        """The options int[n] of least sum."""
        assert self.elimination is not None
        found = self.elimination.best(tables)
        if self.kinds is None:
            return found
        writer, reader = self.passing.pairs.T
        whole = values.single.copy()
        whole[writer] += values.passed[np.arange(len(writer)), :, found[reader]]
        return np.asarray(np.where(self.kinds == found[:, None], whole, np.inf).argmin(axis=1))

    def marginals(self, values: Values, tables: list[tuple[Floats, Floats]]) -> Floats:
        """The least sum of a choice with each option, of the parts that are coupled with it: [n, options]."""
        assert self.elimination is not None
        found, between = self.elimination.marginals(tables)
        if self.kinds is None:
            return found
        beyond = self.beyond(values)
        result = np.take_along_axis(found, self.kinds, axis=1) + beyond.single
        for pair, writer in enumerate(self.passing.pairs[:, 0].tolist()):
            result[writer] = (between[pair][self.kinds[writer]] + beyond.passed[pair]).min(axis=1)
        return result

    def beyond(self, values: Values) -> Values:
        """What each option's value has more than the least of its kind, inf where it is unavailable.

        Of groups that write, it is by the kind that reads, and 0 alone.
        """
        if self.kinds is None:
            return Values(np.zeros(values.single.shape), np.zeros(values.passed.shape))
        least, writer = self.by_kind(values), self.passing.pairs[:, 0]
        single = _above(values.single, np.take_along_axis(least.single, self.kinds, axis=1))
        single[writer] = np.where(self.available[writer], 0.0, np.inf)
        passed = values.single[writer][:, :, None] + values.passed
        return Values(single, _above(passed, np.take_along_axis(least.passed, self.kinds[writer][:, :, None], axis=1)))

    def by_kind(self, values: Values) -> Values:
        """The least value of each kind, inf where it has no option: [n, kinds] and [pairs, kinds, kinds].

        All that a group that writes adds is in the latter.
        """
        if self.kinds is None:
            return values
        kinds, writer = range(self.coupled.added.shape[1]), self.passing.pairs[:, 0]
        least = np.stack([np.where(self.kinds == k, values.single, np.inf).min(axis=1) for k in kinds], axis=1)
        passed, own = values.single[writer][:, :, None] + values.passed, self.kinds[writer][:, :, None]
        each = [np.where(own == k, passed, np.inf).min(axis=1, initial=np.inf) for k in kinds]
        least[writer] = np.where(np.isfinite(least[writer]), 0.0, np.inf)
        return Values(least, np.stack(each, axis=1))

    @property
    def uncoupled(self) -> Instance:
        """The open groups as a problem without pairs, with the options that no other one beats."""
        instance, n = self.coupled.instance, len(self.loss)
        available = self.available.copy()
        columns = np.concatenate([self.loss[None], self.costs]).transpose(1, 2, 0)
        for group in range(0 if instance.uncertain.any() else n):
            options = np.flatnonzero(available[group])
            available[group, options] = distinct(columns[group, options])
        return Instance(
            self.loss,
            self.costs,
            self.room,
            available,
            np.zeros((n, 1, 1), bool),
            np.ones(n, np.int64),
            instance.uncertain,
            lambda counts: instance.admits(self.coupled.counts(self.whole(counts.argmax(axis=1)))),
        )

    @cached_property
    def components(self) -> list[Ints]:
        """The open groups that are coupled with each other, directly or through others."""
        head = list(range(len(self.open)))

        def find(group: int) -> int:
            while head[group] != group:
                head[group] = head[head[group]]
                group = head[group]
            return group

        for a, b in (*self.pairs.tolist(), *self.passing.pairs.tolist()):
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
        pairs = sum(float(table.max(axis=(1, 2)).sum()) for table in (self.added, self.passing.loss) if len(table))
        return self.start + float(np.where(self.available, self.loss, 0).max(axis=1).sum()) + pairs

    def values(self, prices: Floats) -> Values:
        """Loss plus priced costs."""
        return Values(
            np.asarray(self.single + np.tensordot(prices, self.costs, axes=1)),
            self.passing.loss + np.tensordot(prices, self.passing.costs, axes=1),
        )

    def whole(self, choice: Ints) -> Ints:
        """The choice of all groups that takes these options of the open ones."""
        found = self.decided.copy()
        found[self.open] = choice
        return found


def _above(values: Floats, least: Floats) -> Floats:
    return np.where(np.isfinite(values), values - np.where(np.isfinite(least), least, 0.0), np.inf)


def _possible(coupled: Coupled, options: Bools) -> Bools | None:
    """The options that some budget's least sums leave room for, and that are not forbidden by all of a neighbour's."""
    while True:
        affordable = _affordable(coupled.instance, options)
        if affordable is None or not coupled.forbidden.any():
            return affordable
        options = affordable & coupled.beside_some(affordable)
        if (options == affordable).all():
            return options


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
