"""A part of a coupled problem at prices of the budgets: its bound, and what each option adds to it at least."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dse.solvers import column_generation
from dse.solvers.column_generation import Priced
from dse.solvers.coupling import Coupled
from dse.solvers.part import Bools, Floats, Ints, Part

_ROUNDING = 2.0**-44
"""Relative error allowed for float64 sums, as in `relaxation`."""
_NODE_RTOL = 1e-5
"""How near a node's bound comes to the best one."""


@dataclass(frozen=True)
class PricedPlan(Priced):
    """A priced plan of all groups, in one block."""

    choice: Ints

    def within(self, mask: Bools) -> bool:
        """Whether all its options are of a mask bool[groups, options]."""
        return bool(mask[np.arange(len(self.choice)), self.choice].all())


@dataclass(frozen=True)
class Node:
    """Plans within a mask, with the prices and plans of what it is a part of."""

    mask: Bools
    prices: Floats
    plans: Sequence[PricedPlan] = ()


@dataclass(frozen=True)
class Bounded:
    """A part at prices: its bound, rounding allowed for, and what each option adds to it at least."""

    part: Part
    prices: Floats
    plans: Sequence[PricedPlan]
    shares: Floats
    tables: list[tuple[Floats, Floats]]
    lowest: float
    excess: Floats
    error: float = 0.0

    @classmethod
    def of(cls, part: Part, node: Node, cutoff: float, deadline: float) -> "Bounded":
        """Maximise the bound over prices of the budgets."""
        if not len(part.room) or not len(part.open):
            return cls.at(part, np.zeros(len(part.room)))

        def priced(prices: Floats) -> PricedPlan:
            values = part.values(prices)
            return priced_plan(part.coupled, part.whole(part.best(values, part.eliminated(values))))

        mixture = column_generation.maximize(
            priced,
            part.coupled.instance.limits.astype(np.float64),
            part.worst,
            start=node.prices if len(node.prices) else None,
            known=node.plans,
            rtol=_NODE_RTOL,
            cutoff=cutoff,
            deadline=deadline,
        )
        plans = [plan for plan in mixture.plans if isinstance(plan, PricedPlan)]
        return cls.at(part, mixture.prices, plans, mixture.shares[0])

    @classmethod
    def at(cls, part: Part, prices: Floats, plans: Sequence[PricedPlan] = (), shares: Floats = np.ones(0)) -> "Bounded":  # noqa: B008
        """Evaluate the bound at given prices."""
        if not len(part.open):
            return cls(part, prices, plans, shares, [], float(part.start), np.zeros((0, part.loss.shape[1])))
        values = part.values(prices)
        tables = part.eliminated(values)
        marginals = part.marginals(values, tables)
        least = sum(float(table[1]) for table in tables if table[1].ndim == 0)
        largest = part.worst + float(np.where(part.available, values.single, 0.0).max(axis=1).sum())
        largest += float(values.passed.max(axis=(1, 2), initial=0.0).sum())
        error = _ROUNDING * (largest + float(prices @ np.abs(part.room)))
        lowest = part.start + least - float(prices @ part.room) - error
        excess = marginals - marginals.min(axis=1, keepdims=True)
        return cls(part, prices, plans, shares, tables, lowest, excess, error)

    def within(self, masks: Sequence[Bools]) -> Floats:
        """The bound of the plans in each of some masks at these prices, inf where there are none."""
        part = self.part
        settled = np.delete(np.arange(len(part.decided)), part.open)
        kept = np.array([mask[settled, part.decided[settled]].all() for mask in masks])
        if not len(part.open):
            return np.where(kept, self.lowest, np.inf)
        least = part.least(part.values(self.prices), np.stack([mask[part.open] for mask in masks]))
        return np.where(kept, part.start + least - float(self.prices @ part.room) - self.error, np.inf)

    @property
    def cheapest(self) -> Ints:
        """The plan of least priced sum."""
        return self.part.whole(self.part.best(self.part.values(self.prices), self.tables))

    def children(self, mask: Bools, target: float) -> list[tuple[float, Bools]]:
        """Split the group whose priced costs the mixture of plans spreads most: (what it adds to the bound, mask)."""
        part = self.part
        within = part.available & (self.lowest + self.excess <= target)
        weight = np.zeros(part.loss.shape)
        for plan, share in zip(self.plans, self.shares, strict=False):
            weight[np.arange(len(part.open)), plan.choice[part.open]] += share
        weight = np.where(within, weight, 0.0)
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        priced = np.tensordot(self.prices, part.costs, axes=1) + part.loss
        mean = (weight * priced).sum(axis=1, keepdims=True)
        spread = (weight * np.abs(priced - mean)).sum(axis=1)
        second = np.sort(np.where(within, self.excess, np.inf), axis=1)[:, 1]
        several = np.isfinite(second)
        kept = mask.copy()
        kept[part.open] = within
        if not several.any():
            return [(0.0, kept)]
        group = int(np.argmax(np.where(several, spread + 1e-3 * np.where(several, second, 0.0), -1.0)))
        labels = np.arange(kept.shape[1]) if part.kinds is None else part.kinds[group]
        if len(np.unique(labels[within[group]])) == 1:
            labels = np.arange(kept.shape[1])
        found = []
        for label in np.unique(labels[within[group]]):
            child, options = kept.copy(), within[group] & (labels == label)
            child[part.open[group]] = options
            found.append((float(self.excess[group, options].min()), child))
        return found


def priced_plan(coupled: Coupled, choice: Ints) -> PricedPlan:
    """A choice with its loss, pairs included, and its costs."""
    loss = np.array([coupled.objective(choice)], np.float64)
    return PricedPlan(loss, coupled.spent(choice)[:, None].astype(np.float64), choice)
