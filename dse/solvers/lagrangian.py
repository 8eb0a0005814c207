"""The Lagrangian dual of the allocation problem: a lower bound, multipliers, and what each option costs above it.

Everett, Generalized Lagrange Multiplier Method for Solving Problems of Optimum Allocation of Resources, Operations
Research 11(3), 1963, doi 10.1287/opre.11.3.399: any non-negative multipliers bound the optimum from below. The best
ones are those of the linear relaxation, found by a primal-dual interior point method: Mehrotra, On the Implementation
of a Primal-Dual Interior Point Method, SIAM Journal on Optimization 2(4), 1992, doi 10.1137/0802028.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_STEPS = 60
_STEP = 0.995
"""The fraction of the way to the boundary that a step takes."""
_CLOSED = 1e-100
"""The share and reduced cost of an unavailable option: no other value is touched by it."""
_INFEASIBLE = 1.0 + 1e-9
"""In units of the worst loss sum: a bound above it proves that no plan meets the budgets."""


@dataclass(frozen=True)
class Relaxation:
    """The problem in float64: loss [classes, options] (inf = unavailable), costs [budgets, classes, options].

    Each class's least loss and least costs are 0; `limits` is what is left after them, `copies` the layers of a class.
    """

    loss: Floats
    costs: Floats
    limits: Floats
    copies: Floats

    def values(self, multipliers: Floats) -> Floats:
        """Loss plus priced costs: [classes, options]."""
        return np.asarray(self.loss + np.tensordot(multipliers, self.costs, axes=1))

    def bound(self, multipliers: Floats) -> float:
        """The lower bound that non-negative multipliers prove."""
        return float(self.values(multipliers).min(axis=1) @ self.copies - multipliers @ self.limits)


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
    newton = _Newton(unit)
    point = newton.start()
    best, multipliers, shares = -np.inf, point.prices, point.shares
    for _ in range(_MAX_STEPS):
        bound = unit.bound(point.prices)
        if bound > best:
            best, multipliers, shares = bound, point.prices, point.shares
        if best > _INFEASIBLE or point.gap < rtol:
            break
        following = newton.step(point)
        if following is None:
            break
        point = following
    prices = multipliers * worst / largest
    return Dual(prices, np.inf if best > _INFEASIBLE else problem.bound(prices), shares / problem.copies[:, None])


@dataclass(frozen=True)
class _Point:
    """A positive iterate or a step: shares x, slack s, their duals `reduced` and `prices`, each class's free dual."""

    shares: Floats
    reduced: Floats
    slack: Floats
    prices: Floats
    level: Floats

    @property
    def gap(self) -> float:
        """The summed products of primal and dual: the duality gap once both are feasible."""
        return float((self.shares * self.reduced).sum() + self.slack @ self.prices)

    def moved(self, step: "_Point", fraction: float) -> "_Point":
        """The point a fraction of the way along the step that keeps it positive, at most the whole step."""
        primal = min(1.0, fraction * _room(self.shares, step.shares), fraction * _room(self.slack, step.slack))
        dual = min(1.0, fraction * _room(self.reduced, step.reduced), fraction * _room(self.prices, step.prices))
        return _Point(
            self.shares + primal * step.shares,
            self.reduced + dual * step.reduced,
            self.slack + primal * step.slack,
            self.prices + dual * step.prices,
            self.level + dual * step.level,
        )


def _room(value: Floats, change: Floats) -> float:
    """The longest step that keeps the value positive."""
    fastest = float(np.max(-change / value))
    return 1.0 / fastest if fastest > 0 else np.inf


class _Newton:
    """The Newton system of a problem, reduced to one small matrix over the budgets.

    An unavailable option keeps a share of `_CLOSED` and never moves.
    """

    def __init__(self, problem: Relaxation) -> None:
        self.problem = problem
        self.open = np.isfinite(problem.loss).astype(np.float64)
        self.loss = np.where(np.isfinite(problem.loss), problem.loss, 0.0)
        self.costs = problem.costs * self.open
        self.flat = self.costs.reshape(len(problem.limits), -1)

    def start(self) -> _Point:
        """Every open option alike, every price 1."""
        options = self.open.sum(axis=1, keepdims=True)
        shares = np.where(self.open > 0, self.problem.copies[:, None] / options, _CLOSED)
        prices = np.ones(len(self.problem.limits))
        values = self.problem.values(prices)
        level = values.min(axis=1) - 1.0 / len(values)
        reduced = np.where(self.open > 0, values - level[:, None], _CLOSED)
        return _Point(shares, reduced, np.maximum(self.problem.limits, 0.1), prices, level)

    def step(self, point: _Point) -> _Point | None:
        """One predictor-corrector step; None where the system is singular or overflows."""
        try:
            solve = self._system(point)
            predicted = solve(-point.shares * point.reduced * self.open, -point.slack * point.prices)
            ahead = point.moved(predicted, 1.0).gap / point.gap
            centre = point.gap / (self.open.sum() + len(point.slack)) * min(1.0, ahead) ** 3
            corrected = solve(
                (centre - point.shares * point.reduced - predicted.shares * predicted.reduced) * self.open,
                centre - point.slack * point.prices - predicted.slack * predicted.prices,
            )
        except np.linalg.LinAlgError:
            return None
        following = point.moved(corrected, _STEP)
        return following if np.isfinite(following.gap) else None

    def _system(self, point: _Point) -> Callable[[Floats, Floats], _Point]:
        """Return the map from wanted changes of the products x z and s p to the step that makes them."""
        shape, copies = self.loss.shape, self.problem.copies
        weight = point.shares / point.reduced * self.open
        total = weight.sum(axis=1)
        priced = self.flat * weight.ravel()
        weighted = priced.reshape(len(priced), *shape).sum(axis=2)
        matrix = priced @ self.flat.T - (weighted / total) @ weighted.T + np.diag(point.slack / point.prices)
        dual = (
            self.loss + (point.prices @ self.flat).reshape(shape) - point.level[:, None] - point.reduced
        ) * self.open
        short = copies - (point.shares * self.open).sum(axis=1)
        left = self.problem.limits - self.flat @ point.shares.ravel() - point.slack

        def solve(products: Floats, slack_products: Floats) -> _Point:
            pull = (products - point.shares * dual * self.open) / point.reduced
            missing = (short - pull.sum(axis=1)) / total
            right = self.flat @ pull.ravel() + weighted @ missing + slack_products / point.prices - left
            prices = np.linalg.solve(matrix, right)
            level = missing + prices @ weighted / total
            change = ((prices @ self.flat).reshape(shape) - level[:, None]) * self.open
            slack = (slack_products - point.slack * prices) / point.prices
            return _Point(pull - weight * change, dual + change, slack, prices, level)

        return solve
