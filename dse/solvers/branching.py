"""Branch and bound over Lagrangian bounds, whose leaves are enumerated: proves one plan optimal.

Best-first branching (Land, Doig, An Automatic Method of Solving Discrete Programming Problems, Econometrica 28(3),
1960, doi 10.2307/1910129) on the class that the relaxation splits most, with options fixed by reduced cost (Pisinger, A
minimal algorithm for the multiple-choice knapsack problem, European Journal of Operational Research 83(2), 1995, doi
10.1016/0377-2217(95)00015-I) and the rest listed by `enumeration`.
"""

import heapq
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dse.interrupts import late
from dse.solvers.bounded import Bounded
from dse.solvers.enumeration import Half, Item, combine, few_within, reach_within, split
from dse.solvers.exchange import exchanged
from dse.solvers.instance import Counts, Instance, Outcome
from dse.solvers.meeting import meet
from dse.solvers.node import Node
from dse.solvers.rounding import feasible_near

Ints = NDArray[np.int64]

_FAR = np.iinfo(np.int64).max
_FEW, _MANY = 1 << 12, 1 << 16
_ROOT = ((_FEW, False), (_MANY, True))
_BRANCH = ((_MANY, True), (_FEW, False))
_DIVE = ((_FEW, True),)
"""What is listed at a node: up to how many combinations in each half, and whether only if that decides the node."""
_PAIRS = 1 << 23
LATE_NODES = 8
"""Nodes that are still looked at, by rounding alone, when the time is up before there is a plan."""
_CORE, _CORE_S, _LARGE = 200, 0.4, 4000
"""Alternatives among which a large problem first looks for a good plan, for how long, and from how many on it is one:
200 layers of 8 options are proven in less time than that look takes, 1,000 of 12 are not."""
_EXCHANGE_S, _SHARE, _LONGEST_S = 0.3, 0.25, 60.0
"""How long such a problem is searched before its plan is bettered by exchanges, and how long they are tried: at least
that, else a share of the time left, of no more than a minute."""
_ITEMS = 600
"""Alternatives of least excess that are combined; the excess of the next limits the reach."""


def solve(instance: Instance, deadline: float = math.inf, cutoff: float = math.inf) -> Outcome:
    """Return the counts of least loss, proven unless `deadline` (time.monotonic) passes; only losses below `cutoff`."""
    instance = instance.undominated()
    lowest = np.where(instance.available, instance.loss, _FAR).min(axis=1)
    cheapest = np.where(instance.available, instance.costs, _FAR).min(axis=2)
    shifted = replace(
        instance,
        loss=np.where(instance.available, instance.loss - lowest[:, None], 0),
        costs=np.where(instance.available, instance.costs - cheapest[:, :, None], 0),
        limits=instance.limits - cheapest @ instance.copies,
    )
    start = int(lowest @ instance.copies)
    outcome = _Search(shifted, deadline, cutoff - start).run()
    return replace(outcome, bound=outcome.bound + start)


@dataclass
class _Search:
    """The state of one search: the best loss so far (at first the cutoff), its counts, and the open nodes; the root of
    a large problem until its plan is exchanged, and when that may be."""

    instance: Instance
    deadline: float
    best: float
    counts: Counts | None = None
    queue: list[tuple[float, int, int, Node]] = field(default_factory=list)
    serial: "itertools.count[int]" = field(default_factory=itertools.count)
    dive: bool = False
    nodes: int = 0
    large: Bounded | None = None
    exchanges_at: float = math.inf

    def __post_init__(self) -> None:
        self.unit = int(np.gcd.reduce(self.instance.loss, axis=None)) or 1

    def run(self) -> Outcome:
        """Take nodes in order of their bound until none can hold a better plan."""
        return self._run(Node.root(self.instance))

    def _run(self, root: Node, depth: int = 0) -> Outcome:
        self._push(-math.inf, depth, root)
        bound = -math.inf
        while self.queue and not self._is_closed(self.queue[0][0]):
            bound = self.queue[0][0]
            self.nodes += 1
            if self._late and (self.counts is not None or self.nodes > LATE_NODES):
                return Outcome(self.counts, min(self.best, bound), False)
            lowest, depth, _, node = self._pop()
            self._expand(node, lowest, -depth)
            self._exchange()
        return Outcome(self.counts, self.best, True)

    @property
    def _late(self) -> bool:
        return late(self.deadline)

    @property
    def target(self) -> float:
        """The largest loss of a better plan: less than a known one's by the greatest common divisor of all losses."""
        return self.best - (1 if self.counts is None else self.unit)

    def _is_closed(self, bound: float) -> bool:
        """Whether a part with that bound holds no better plan; an infinite bound means that it holds none at all."""
        return bound > self.target or bound == math.inf

    def _push(self, bound: float, depth: int, node: Node) -> None:
        heapq.heappush(self.queue, (bound, -depth, next(self.serial), node))

    def _pop(self) -> tuple[float, int, int, Node]:
        """The node of least bound; before any plan is known, and in a dive, the deepest."""
        if self.counts is not None and not self.dive:
            return heapq.heappop(self.queue)
        deepest = min(self.queue, key=lambda entry: (entry[1], entry[0], -entry[2]))
        self.queue.remove(deepest)
        heapq.heapify(self.queue)
        return deepest

    def _expand(self, node: Node, bound: float, depth: int) -> None:
        reduced = node.affordable(self.instance)
        if reduced is None or not len(reduced.source):
            if reduced is not None:
                self._consider(reduced.fixed)
            return
        found = Bounded.of(self.instance, reduced)
        if self._is_closed(found.bound - found.error):
            return
        self._try(found, depth)
        bound = max(bound, found.bound - found.error)
        if not self._late:
            bound = self._listed(found, bound, depth)
        for child in [] if self._is_closed(bound) else found.children(self.target):
            self._push(bound, depth + 1, child)

    def _listed(self, found: Bounded, bound: float, depth: int) -> float:
        """Enumerate around a node's rounded plan, in steps until it is closed; return its bound then."""
        alternatives = found.items(self.instance, self.target, _ITEMS)
        for most, only_if_decisive in _DIVE if self.dive else _BRANCH if depth else _ROOT:
            reach = self._enumerate(found, *alternatives, most, only_if_decisive)
            bound = max(bound, found.bound - found.error + reach)
            if self._is_closed(bound):
                break
        return bound

    def _try(self, found: Bounded, depth: int) -> None:
        """Look for a good plan before any proof: at the root, in a dive, and until there is one."""
        if self.counts is None or self.dive or not depth:
            self._round(found)
        if not depth and not self._late:
            self._core(found)

    def _round(self, found: Bounded) -> None:
        near = feasible_near(self.instance, found.rounded, found.multipliers)
        if near is not None:
            self._consider(near)

    def _core(self, found: Bounded) -> None:
        """Look for a good plan among few alternatives, every other class at its best: Pisinger's core."""
        node = found.node
        if node.options.sum() - len(found.base) <= _LARGE:
            return
        part = Node(node.source, found.core(self.instance, _CORE), node.copies, node.fixed)
        until = min(self.deadline, time.monotonic() + _CORE_S)
        outcome = _Search(self.instance, until, self.best, dive=True)._run(part, depth=1)
        if outcome.counts is not None:
            self._consider(outcome.counts)
        self.large, self.exchanges_at = found, time.monotonic() + _EXCHANGE_S

    def _exchange(self) -> None:
        """Better the plan of a large problem once, where it is not proven soon, in a part of the time left."""
        now = time.monotonic()
        if self.large is None or self.counts is None or now < self.exchanges_at:
            return
        found, self.large = self.large, None
        until = min(self.deadline, now + max(_EXCHANGE_S, _SHARE * min(self.deadline - now, _LONGEST_S)))
        least = float(np.ceil((found.bound - found.error) / self.unit)) * self.unit
        self._consider(exchanged(self.instance, self.counts, found.multipliers, least, until))

    def _consider(self, counts: Counts) -> bool:
        loss = self.instance.objective(counts)
        better = loss < self.best and self.instance.feasible(counts)
        if better:
            self.best, self.counts = loss, counts
        return better

    def _enumerate(
        self, found: Bounded, items: Sequence[Item], beyond: float, most: int, only_if_decisive: bool
    ) -> float:
        """Look through the node's plans by excess and priced room, as far as they are few; return how far."""
        needed = min(self.target, found.worst) - found.bound + 2 * found.error
        farthest = min(needed, float(np.nextafter(beyond, 0)))
        if only_if_decisive and farthest < needed:
            return 0.0
        left, right = split(items)
        if only_if_decisive and not all(few_within(half, needed, most) for half in (left, right)):
            return 0.0
        reach = needed if only_if_decisive else min(reach_within(half, farthest, most) for half in (left, right))
        if reach < 0:
            return 0.0
        budgets = len(self.instance.limits)
        reached = self._pair(found, combine(left, reach, budgets), combine(right, reach, budgets), reach)
        return math.inf if reached >= needed else max(reached - found.error, 0.0)

    def _pair(self, found: Bounded, left: Half, right: Half, reach: float) -> float:
        """Keep the best feasible pair of combinations; a shorter reach where the pairs are too many."""
        instance = self.instance
        decided = found.rounded
        room = instance.limits - instance.spent(decided)
        while True:
            meeting = meet(left, right, room, found.widths(reach))
            if meeting.pairs <= _PAIRS:
                break
            reach /= 2
            if reach <= found.error:  # more pairs than can be looked at add nothing
                return 0.0
            left, right = left.within(reach), right.within(reach)
        loss = instance.objective(decided)
        for rows, partners in meeting.chunks():
            sums = left.loss[rows] + right.loss[partners]
            good = np.flatnonzero(sums < self.best - loss)
            for b in range(len(room)):
                good = good[left.costs[b, rows[good]] + right.costs[b, partners[good]] <= room[b]]
            for pair in good[np.argsort(sums[good], kind="stable")]:
                taken = left.taken(int(rows[pair])) + right.taken(int(partners[pair]))
                if self._consider(found.changed(decided, taken)):
                    break
        return reach
