"""The Lagrangian dual of the allocation problem: a lower bound and the prices of the budgets.

Everett, Generalized Lagrange Multiplier Method for Solving Problems of Optimum Allocation of Resources, Operations
Research 11(3), 1963, doi 10.1287/opre.11.3.399: any non-negative multipliers bound the optimum from below. The best
ones are those of the linear relaxation, which `interior_point` solves.
"""

from dataclasses import dataclass

import numpy as np

from dse.solvers.interior_point import Newton
from dse.solvers.relaxation import Floats, Relaxation

_MAX_STEPS = 60


@dataclass(frozen=True)
class Dual:
    """Multipliers (loss per unit of cost) and the bound they prove, inf where no plan meets the budgets.

    shares  [classes, options]: the fraction of a class that takes each option in the linear relaxation
    """

    multipliers: Floats
    bound: float
    shares: Floats


def maximize(problem: Relaxation, rtol: float = 1e-10) -> Dual:
    """Return the linear relaxation's multipliers, up to a duality gap of `rtol` of the worst loss sum where it can."""
    if not len(problem.limits):
        return Dual(np.zeros(0), 0.0, (problem.loss == 0).astype(np.float64))
    worst = float(np.where(np.isfinite(problem.loss), problem.loss, 0.0).max(axis=1) @ problem.copies) or 1.0
    largest = np.maximum(problem.costs.max(axis=2, initial=0.0) @ problem.copies, np.finfo(float).tiny)
    costs = problem.costs / largest[:, None, None]
    unit = Relaxation(problem.loss / worst, costs, problem.limits / largest, problem.copies)
    newton = Newton(unit)
    point = newton.start()
    best, multipliers, shares = -np.inf, point.prices, point.shares
    for _ in range(_MAX_STEPS):
        bound = unit.bound(point.prices)
        if bound > best:
            best, multipliers, shares = bound, point.prices, point.shares
        if best > 1.0 + unit.error(multipliers):
            return Dual(multipliers * worst / largest, np.inf, shares / problem.copies[:, None])
        if point.gap < rtol:
            break
        following = newton.step(point)
        if following is None:
            break
        point = following
    prices = multipliers * worst / largest
    return Dual(prices, problem.bound(prices), shares / problem.copies[:, None])
