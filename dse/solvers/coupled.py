"""Conversions between layers, exactly: Lagrangian bounds by elimination, until what is undecided falls apart.

Prices of the budgets leave a sum over coupled layers (`elimination`), whose least value is a bound and whose least
values by option decide layers (reduced-cost fixing). Once the components between decided layers have few choices each
within reach, they are the options of a problem without couplings, which `branching` solves. Otherwise a layer is split.
The relaxation is that of Handler, Zang, A Dual Algorithm for the Constrained Shortest Path Problem, Networks 10(4),
1980, doi 10.1002/net.3230100403, on graphs instead of paths.
"""

import heapq
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dse.interrupts import late
from dse.solvers import branching
from dse.solvers.bounded_part import Bounded, Node, priced_plan
from dse.solvers.branching import LATE_NODES
from dse.solvers.coupling import Coupled
from dse.solvers.listing import as_instance, choice_of, list_all
from dse.solvers.mending import feasible_near
from dse.solvers.near_kinds import near
from dse.solvers.part import Bools, Floats, Ints, Part
from dse.solvers.quick_plans import prices_alone, quick_plans

_FAR = np.iinfo(np.int64).max
_LISTED, _HALVINGS = 1 << 11, 6
"""Most choices of a component that are listed, and how often the reach is halved to stay below."""
_LIST_S = 1.0
"""Longest search among listed choices before the node is split."""
_DEARER = (2.0, 8.0, 64.0, 1e3, 1e5)
"""How many times dearer budgets are made until a first plan keeps them."""
_NEARER = (1.0, 1.02, 1.05, 1.1, 1.2, 1.5)
"""How many times dearer budgets are made for plans whose kinds are looked at."""
_GRACE_S = 0.25
"""How long after its time a search that has no plan goes on looking for one."""
_TRIED, _REFOLD_S = 12, 0.5
"""Plans of a node whose kinds are looked at, and the longest search among the options of these."""


def can_solve(coupled: Coupled, mask: Bools) -> bool:
    """Whether the couplings are few enough for elimination."""
    part = Part.of(coupled, mask)
    return part is None or not len(part.open) or part.elimination is not None


def solve(
    coupled: Coupled,
    masks: Sequence[Bools],
    deadline: float = math.inf,
    start: Ints | None = None,
    enough: float = -math.inf,
) -> tuple[Ints | None, float, bool]:
    """Return the best choice within any of the masks, a bound on its loss, and whether the search ended by itself.

    `start` is a feasible choice to beat, `enough` a loss at which the search may stop.
    `can_solve` must hold for the union of the masks.
    """
    instance = coupled.instance
    lowest = np.where(instance.available, instance.loss, _FAR).min(axis=1)
    above = np.where(instance.available, instance.loss - lowest[:, None], 0)
    shifted = replace(coupled, instance=replace(instance, loss=above))
    search = _Search(shifted, deadline, enough - int(lowest.sum()))
    if start is not None:
        search.consider(start)
    choice, bound, exhausted = search.run(masks)
    return choice, bound + int(lowest.sum()), exhausted


@dataclass
class _Search:
    """The best loss so far and its choice, and the open nodes."""

    coupled: Coupled
    deadline: float
    enough: float = -math.inf
    best: float = math.inf
    choice: Ints | None = None
    queue: list[tuple[float, int, int, Node]] = field(default_factory=list)
    serial: "itertools.count[int]" = field(default_factory=itertools.count)
    nodes: int = 0
    tried: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        coupled = self.coupled
        tables = [coupled.instance.loss.ravel(), coupled.added.ravel(), coupled.passing.loss.ravel()]
        self.unit = int(np.gcd.reduce(np.concatenate(tables))) or 1

    @property
    def target(self) -> float:
        """The largest loss of a better plan."""
        return self.best - self.unit

    def run(self, masks: Sequence[Bools]) -> tuple[Ints | None, float, bool]:
        """Take nodes in order of their bound until none can hold a better plan."""
        lowest = self._start(masks)
        while self.queue and self.queue[0][0] <= self.target:
            lowest = max(lowest, self.queue[0][0])
            bound, depth, _, node = self._pop()
            self.nodes += 1
            over = late(self.deadline) and (self.choice is not None or self.nodes > LATE_NODES or self._lost)
            if over or self.best <= self.enough or not self._expand(node, bound, -depth):
                return self.choice, min(self.best, lowest), False
        return self.choice, self.best, True

    @property
    def _lost(self) -> bool:
        """Whether it is too late to look for a first plan."""
        return late(self.deadline + _GRACE_S)

    def consider(self, choice: Ints) -> None:
        """Take a feasible choice if it is the best so far."""
        loss = self.coupled.objective(choice)
        if loss < self.best and self.coupled.allows(choice):
            self.best, self.choice = loss, choice

    def _start(self, masks: Sequence[Bools]) -> float:
        """Bound every mask at the prices of their union; return the union's bound."""
        union = np.logical_or.reduce(masks)
        part = Part.of(self.coupled, union)
        if part is None:
            return math.inf
        bounded = Bounded.of(part, self._quick(union, masks), math.inf, self.deadline)
        one = len(masks) == 1 or late(self.deadline)
        bounds = np.full(len(masks), bounded.lowest) if one else bounded.within(masks)
        for mask, bound in zip(masks, bounds.tolist(), strict=True):
            if bound < math.inf:
                self._push(bound, 0, Node(mask, bounded.prices, [p for p in bounded.plans if p.within(mask)]))
        return bounded.lowest

    def _quick(self, union: Bools, masks: Sequence[Bools]) -> Node:
        """Take what is quick to find; return the union with its prices and plans."""
        prices = prices_alone(self.coupled, union)
        plans = list(quick_plans(self.coupled, masks, prices, self.deadline))
        for plan in plans:
            self.consider(plan)
        return Node(union, prices, [priced_plan(self.coupled, plan) for plan in plans])

    def _push(self, bound: float, depth: int, node: Node) -> None:
        heapq.heappush(self.queue, (bound, -depth, next(self.serial), node))

    def _pop(self) -> tuple[float, int, int, Node]:
        """The node of least bound; before any plan is known, the deepest."""
        if self.choice is not None:
            return heapq.heappop(self.queue)
        deepest = min(self.queue, key=lambda entry: (entry[1], entry[0]))
        self.queue.remove(deepest)
        heapq.heapify(self.queue)
        return deepest

    def _expand(self, node: Node, bound: float, depth: int) -> bool:
        """Close a node or split it; False where the time is up before."""
        part = Part.of(self.coupled, node.mask)
        if part is None:
            return True
        if not len(part.open):
            self.consider(part.decided)
            return True
        found = Bounded.of(part, node, self.target, self.deadline)
        if found.lowest <= min(self.target, part.worst):
            self._try(found, node.mask)
        if found.lowest > min(self.target, part.worst):
            return True
        return self._postpone(found, node, bound, depth) or self._decide(found, node, bound, depth)

    def _postpone(self, found: Bounded, node: Node, bound: float, depth: int) -> bool:
        """Whether a node waits because others have lower bounds than its own turned out to be."""
        waits = self.choice is not None and bool(self.queue) and found.lowest > max(bound, self.queue[0][0])
        if waits:
            self._push(found.lowest, depth, Node(node.mask, found.prices, found.plans))
        return waits

    def _decide(self, found: Bounded, node: Node, bound: float, depth: int) -> bool:
        """Close a bounded node by its listed choices or split it; False where the time is up before."""
        over = late(self.deadline)
        reached = -math.inf if over else self._among_listed(found)
        bound = max(bound, found.lowest, reached)
        if late(self.deadline) and (self.choice is not None or not over):
            return bound > self.target
        if bound <= self.target and bound < math.inf:
            for extra, mask in found.children(node.mask, self.target):
                plans = [plan for plan in found.plans if plan.within(mask)]
                self._push(max(bound, found.lowest + extra), depth + 1, Node(mask, found.prices, plans))
        return True

    def _try(self, found: Bounded, mask: Bools) -> None:
        """Look for a plan near those that prices led to."""
        for plan in found.plans:
            self.consider(plan.choice)
        self._mend(found.cheapest, found.prices, mask)
        in_time = self.choice is None or (not late(self.deadline) and not self.nodes & (self.nodes - 1))
        if self.coupled.kinds is not None and in_time:
            self._near(found, mask)
        for step in _DEARER * (self.coupled.kinds is None and self.choice is None):
            self._mend(found.at(found.part, found.prices * step).cheapest, found.prices, mask)
            if self.choice is not None:
                return

    def _near(self, found: Bounded, mask: Bools) -> None:
        """Look for a plan of kinds near those that prices led to, of least loss first."""
        steps = (*_NEARER, *_DEARER * (self.choice is None))
        plans = [plan.choice for plan in found.plans[:-_TRIED:-1]]
        plans += [found.at(found.part, found.prices * step).cheapest for step in steps]
        until = min(self.deadline, time.monotonic() + _REFOLD_S)
        for kind in near(found.part, found.prices, np.array(plans), self.best):
            if late(until) or self._refold(kind, mask, until):
                break

    def _refold(self, kind: Ints, mask: Bools, until: float) -> bool:
        """Look for the best plan of given kinds, which no pair tells apart; whether it is better than any before."""
        known, key = self.best, kind.tobytes()
        if key in self.tried:
            return False
        self.tried.add(key)
        part = Part.of(self.coupled, (self.coupled.all_kinds == kind[:, None]) & mask)
        if part is None:
            return False
        if not len(part.open):
            self.consider(part.decided)
        else:
            outcome = branching.solve(part.uncoupled, until, cutoff=self.best - part.start)
            if outcome.counts is not None:
                self.consider(part.whole(outcome.counts.argmax(axis=1)))
        return self.best < known

    def _mend(self, choice: Ints, prices: Floats, mask: Bools) -> None:
        """Look for a plan near one."""
        until = self.deadline + _GRACE_S * (self.choice is None)
        mended = feasible_near(self.coupled, choice, prices, mask & self.coupled.instance.available, until)
        if mended is not None:
            self.consider(mended)

    def _among_listed(self, found: Bounded) -> float:
        """Solve among the choices of small excess as far as they are few; return what is proven of the node."""
        needed = min(self.target, found.part.worst) - found.lowest
        if needed < 0:
            return math.inf
        values = found.part.values(found.prices)
        for halving in range(_HALVINGS):
            reach = needed / 2**halving
            listed = list_all(found.part, values, found.tables, reach, _LISTED, self.deadline)
            if listed is not None:
                break
        else:
            return -math.inf
        until = min(self.deadline, time.monotonic() + _LIST_S)
        instance = as_instance(found.part, listed)
        outcome = branching.solve(instance, until, cutoff=self.best - found.part.start)
        if outcome.counts is not None:
            self.consider(choice_of(found.part, listed, outcome.counts.argmax(axis=1)))
        within = self.best if outcome.exhausted else outcome.bound + found.part.start
        beyond = math.inf if reach >= needed else found.lowest + reach
        return min(within, beyond) if math.isfinite(min(within, beyond)) else math.inf
