"""A part of the plans of an instance, and its Lagrangian bound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.solvers.instance import Counts, Instance
from dse.solvers.lagrangian import Dual, Relaxation, maximize

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FAR = np.iinfo(np.int64).max
_UNBOUNDED = 2.0**61
"""Above any sum on an integer grid."""
_TIE = 1e-6
"""Shares nearer than this to an integer are taken for it."""
_ROUNDING = 2.0**-44
"""Relative error allowed for float64 sums, far above their own; they decide what is searched, and nothing else."""


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


@dataclass(frozen=True)
class Bounded:
    """A node with its Lagrangian bound, `error` float64 rounding aside, in the instance's loss units.

    base    each class's best option at the multipliers
    excess  [classes, options]: what each option adds to the bound if one layer takes it; inf where unavailable
    priced  [classes, options]: multipliers x costs
    worst   the largest loss of any plan
    """

    node: Node
    multipliers: Floats
    bound: float
    error: float
    worst: float
    base: Ints
    excess: Floats
    priced: Floats
    shares: Floats

    @classmethod
    def of(cls, instance: Instance, node: Node) -> "Bounded":
        """Maximise the dual of a node that has undecided classes, over the budgets that can bind."""
        costs = np.where(node.options, instance.costs[:, node.source], _FAR)
        least = costs.min(axis=2)
        rest = np.where(node.options, costs - least[:, :, None], 0)
        room = instance.limits - instance.spent(node.fixed) - least @ node.copies
        binding = rest.max(axis=2) @ node.copies > room
        loss = np.where(node.options, instance.loss[node.source], _FAR)
        lowest = loss.min(axis=1)
        above = np.where(node.options, (loss - lowest[:, None]).astype(np.float64), np.inf)
        problem = Relaxation(
            above, rest[binding].astype(np.float64), room[binding].astype(np.float64), node.copies.astype(np.float64)
        )
        return cls._from(
            node, problem, maximize(problem), binding, instance.objective(node.fixed) + int(lowest @ node.copies)
        )

    @classmethod
    def _from(cls, node: Node, problem: Relaxation, dual: Dual, binding: NDArray[np.bool_], start: int) -> "Bounded":
        values = problem.values(dual.multipliers)
        worst = float(np.where(node.options, problem.loss, 0.0).max(axis=1) @ problem.copies)
        size = abs(start) + float(np.where(node.options, values, 0.0).max(axis=1) @ problem.copies)
        error = _ROUNDING * (size + float(dual.multipliers @ problem.limits))
        multipliers = np.zeros(len(binding))
        multipliers[binding] = dual.multipliers
        excess = values - values.min(axis=1, keepdims=True)
        priced = np.tensordot(dual.multipliers, problem.costs, axes=1)
        return cls(
            node,
            multipliers,
            start + dual.bound,
            error,
            start + worst,
            values.argmin(axis=1),
            excess,
            priced,
            dual.shares,
        )

    def within(self, target: float) -> NDArray[np.bool_]:
        """The options that a plan of at most that loss may take."""
        return np.asarray(self.node.options & (self.bound - self.error + self.excess <= target))

    @property
    def rounded(self) -> Counts:
        """The counts in which every undecided layer takes its base option: they may break budgets."""
        counts = self.node.fixed.copy()
        np.add.at(counts, (self.node.source, self.base), self.node.copies)
        return counts

    def widths(self, reach: float) -> Floats:
        """The room in each budget whose price is the reach: plans that leave more cost more."""
        widths = np.full_like(self.multipliers, _UNBOUNDED)
        return np.divide(reach, self.multipliers, out=widths, where=self.multipliers * _UNBOUNDED > reach)

    def children(self, target: float) -> list[Node]:
        """Split where the relaxation spreads a layer's priced costs most; keep plans of at most the target loss."""
        node, options = self.node, self.within(target)
        taken = np.where(options, self.shares, 0.0) * node.copies[:, None]
        part = taken - np.floor(taken)
        part = part / np.maximum(part.sum(axis=1, keepdims=True), 1e-3)
        mean = (part * self.priced).sum(axis=1, keepdims=True)
        spread = (part * np.abs(self.priced - mean)).sum(axis=1)
        width = np.where(options, self.priced, 0.0).max(axis=1) - np.where(options, self.priced, np.inf).min(axis=1)
        several = options.sum(axis=1) > 1
        group = int(np.argmax(np.where(several, spread + _TIE * width, -1.0)))
        option = int(np.argmax(np.where(options[group], part[group] + _TIE * taken[group], -1.0)))
        most = min(int(taken[group, option] + _TIE), int(node.copies[group]) - 1)
        return Node(node.source, options, node.copies, node.fixed).split(group, option, most)
