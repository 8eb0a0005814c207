"""Plans of a coupled problem that are quick to find: each group's best option at prices of the problem uncoupled.

What pairs add is only told of a whole plan, so that a plan takes one pass over the options, at any number of groups.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from dse.interrupts import late
from dse.solvers.bounded import Bounded
from dse.solvers.coupling import Coupled
from dse.solvers.node import Node
from dse.solvers.part import Bools, Floats, Ints

_STEPS = (1.0, 1.003, 1.01, 1.03, 1.1, 1.3, 2.0, 8.0, 64.0, 1e3, 1e6)
"""How many times dearer budgets are made until a plan keeps them."""
_FOUND = 8
"""Sets of options that give a plan before no others are looked at."""


def prices_alone(coupled: Coupled, mask: Bools) -> Floats:
    """The prices of the budgets [budgets] without what pairs add, 0 where no choice of the mask keeps one."""
    instance = coupled.instance.only(mask)
    node = Node.root(instance).affordable(instance)
    if node is None or not len(node.source):
        return np.zeros(len(instance.limits))
    return Bounded.of(instance, node).multipliers


def quick_plans(coupled: Coupled, masks: Sequence[Bools], prices: Floats, deadline: float = math.inf) -> Iterator[Ints]:
    """Yield choices that keep budgets and couplings: of the masks of least priced sum, at most one of each.

    Where there are none before the time is up, those of a single kind.
    """
    found = 0
    for mask in _nearest(coupled, masks, prices):
        plan = _within(coupled, mask, prices)
        if plan is not None:
            found += 1
            yield plan
        if found == _FOUND or late(deadline):
            break
    if not found:
        kinds = coupled.all_kinds
        alone = [coupled.instance.available & (kinds == kind) for kind in np.unique(kinds[coupled.instance.available])]
        plans = [_within(coupled, mask, prices) for mask in alone if mask.any(axis=1).all()]
        yield from (plan for plan in plans if plan is not None)


def _nearest(coupled: Coupled, masks: Sequence[Bools], prices: Floats) -> list[Bools]:
    """The masks by their least priced sums, least first."""
    instance = coupled.instance
    values = instance.loss + np.tensordot(prices, instance.costs, axes=1)
    sums = np.array([np.where(mask, values, np.inf).min(axis=1).sum() for mask in masks])
    return [masks[i] for i in np.argsort(sums, kind="stable").tolist()]


def _within(coupled: Coupled, mask: Bools, prices: Floats) -> Ints | None:
    """The choice of least priced sum at the lowest prices that keep every budget and coupling; None if none of some."""
    instance = coupled.instance
    level = max(float(np.where(mask, instance.loss, 0).max(axis=1).sum()), 1.0) / np.maximum(instance.limits, 1)
    for step in _STEPS:
        dearer = step * prices + (step - 1.0) * 1e-3 * level
        values = instance.loss + np.tensordot(dearer, instance.costs, axes=1)
        choice = np.asarray(np.where(mask, values, np.inf).argmin(axis=1))
        if coupled.allows(choice):
            return choice
    return None
