"""Mehrotra's primal-dual steps on the relaxation, whose linear systems shrink to one small matrix over the budgets.

Mehrotra, On the Implementation of a Primal-Dual Interior Point Method, SIAM Journal on Optimization 2(4), 1992, doi
10.1137/0802028.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.solvers.relaxation import Floats, Relaxation

_STEP = 0.995
"""The fraction of the way to the boundary that a step takes."""
_CLOSED = 1e-100
"""The share and reduced cost of an unavailable option: no other value is touched by it."""


@dataclass(frozen=True)
class Point:
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

    def moved(self, step: "Point", fraction: float) -> "Point":
        """The point a fraction of the way along the step that keeps it positive, at most the whole step."""
        primal = min(1.0, fraction * _room(self.shares, step.shares), fraction * _room(self.slack, step.slack))
        dual = min(1.0, fraction * _room(self.reduced, step.reduced), fraction * _room(self.prices, step.prices))
        return Point(
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


class Newton:
    """The Newton system of a problem, reduced to one small matrix over the budgets.

    An unavailable option never moves.
    """

    def __init__(self, problem: Relaxation) -> None:
        self.problem = problem
        self.open = np.isfinite(problem.loss).astype(np.float64)
        self.loss = np.where(np.isfinite(problem.loss), problem.loss, 0.0)
        self.costs = problem.costs * self.open
        self.flat = self.costs.reshape(len(problem.limits), -1)

    def start(self) -> Point:
        """Every open option alike, every price 1."""
        options = self.open.sum(axis=1, keepdims=True)
        shares = np.where(self.open > 0, self.problem.copies[:, None] / options, _CLOSED)
        prices = np.ones(len(self.problem.limits))
        values = self.problem.values(prices)
        level = values.min(axis=1) - 1.0 / len(values)
        reduced = np.where(self.open > 0, values - level[:, None], _CLOSED)
        return Point(shares, reduced, np.maximum(self.problem.limits, 0.1), prices, level)

    def step(self, point: Point) -> Point | None:
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

    def _system(self, point: Point) -> Callable[[Floats, Floats], Point]:
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

        def solve(products: Floats, slack_products: Floats) -> Point:
            pull = (products - point.shares * dual * self.open) / point.reduced
            missing = (short - pull.sum(axis=1)) / total
            right = self.flat @ pull.ravel() + weighted @ missing + slack_products / point.prices - left
            prices = np.linalg.solve(matrix, right)
            level = missing + prices @ weighted / total
            change = ((prices @ self.flat).reshape(shape) - level[:, None]) * self.open
            slack = (slack_products - point.slack * prices) / point.prices
            return Point(pull - weight * change, dual + change, slack, prices, level)

        return solve
