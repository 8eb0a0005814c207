"""A node with its Lagrangian bound: what its plans may take, and how it is split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.solvers.dual import maximize
from dse.solvers.enumeration import Item
from dse.solvers.instance import Counts, Instance
from dse.solvers.lagrangian import Dual
from dse.solvers.node import Node
from dse.solvers.relaxation import Relaxation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FAR = np.iinfo(np.int64).max
_UNBOUNDED = 2.0**61
"""Above any sum on an integer grid."""
_TIE = 1e-6
"""Shares nearer than this to an integer are taken for it."""


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
        error = problem.error(dual.multipliers) + abs(start) * 2.0**-50
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

    def core(self, instance: Instance, most: int) -> NDArray[np.bool_]:
        """The base options and some `most` others: of least excess, and of least excess for what they move.

        The first fill small rooms and the second make up for large moves that the relaxation takes in part.
        """
        rows = np.arange(len(self.base))
        costs = instance.costs[:, self.node.source]
        moved = np.tensordot(self.multipliers, np.abs(costs - costs[:, rows, self.base][:, :, None]), axes=1)
        others = self.node.options.copy()
        others[rows, self.base] = False
        kept = np.zeros_like(others)
        kept[rows, self.base] = True
        for rank in (self.excess, self.excess / np.maximum(moved, np.finfo(float).tiny)):
            ranked = np.where(others, rank, np.inf)
            nearest = np.argsort(ranked, axis=None, kind="stable")[: most // 2]
            kept.ravel()[nearest] |= others.ravel()[nearest]
        return kept

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

    def items(self, instance: Instance, target: float, most: int) -> tuple[list[Item], float]:
        """The alternatives to the base options that a plan of at most the target loss may take, and inf.

        Only the `most` of least excess if there are more, and the least excess of the others.
        """
        allowed = self.within(target)
        allowed[np.arange(len(self.base)), self.base] = False
        (groups, options), beyond = np.nonzero(allowed), np.inf
        if len(groups) > most:
            all_excess = self.excess[allowed]
            order = np.argsort(all_excess, kind="stable")
            groups, options, beyond = groups[order[:most]], options[order[:most]], float(all_excess[order[most]])
        source, base = self.node.source[groups], self.base[groups]
        columns = (
            groups.tolist(),
            options.tolist(),
            self.node.copies[groups].tolist(),
            self.excess[groups, options].tolist(),
            (instance.loss[source, options] - instance.loss[source, base]).tolist(),
            (instance.costs[:, source, options] - instance.costs[:, source, base]).T,
        )
        return list(map(Item, *columns)), beyond

    def changed(self, counts: Counts, taken: list[tuple[Item, int]]) -> Counts:
        """Counts with some layers moved from their base options to items."""
        changed = counts.copy()
        for item, times in taken:
            source = self.node.source[item.group]
            changed[source, item.option] += times
            changed[source, self.base[item.group]] -= times
        return changed
