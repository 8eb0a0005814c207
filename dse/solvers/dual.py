"""Multipliers of the relaxation at any size: directly where it is small, else by columns and then what is undecided."""

import numpy as np

from dse.solvers import column_generation, lagrangian
from dse.solvers.column_generation import Priced
from dse.solvers.lagrangian import Dual
from dse.solvers.relaxation import Floats, Relaxation

_DIRECT = 6000
"""Most options, over all classes, of a problem solved as it is: beyond, rounds of columns are quicker (measured)."""
_BLOCKS = 16
"""Parts that are priced apart: more make fewer rounds of columns, and each round costlier."""
_CLOSE = 400
"""Alternatives of least reduced cost among which the last step decides exactly."""


def maximize(problem: Relaxation) -> Dual:
    """Return the multipliers of the linear relaxation, the bound they prove and the shares of the options."""
    if np.isfinite(problem.loss).sum() <= _DIRECT or not len(problem.limits):
        return lagrangian.maximize(problem)
    worst = float(np.where(np.isfinite(problem.loss), problem.loss, 0.0).max(axis=1) @ problem.copies) or 1.0
    found = column_generation.maximize(_pricing(problem), problem.limits, worst)
    if found.bound > worst + problem.error(found.prices):
        return Dual(found.prices, np.inf, np.zeros_like(problem.loss))
    return _decided(problem, found.prices, found.bound)


def _pricing(problem: Relaxation) -> "column_generation.Pricing":
    flat = problem.costs.reshape(len(problem.costs), -1)
    rows = np.arange(len(problem.loss))
    starts = np.linspace(0, len(rows), min(_BLOCKS, len(rows)), endpoint=False).astype(np.int64)
    total, totals = problem.loss * problem.copies[:, None], problem.costs * problem.copies[:, None]

    def priced(prices: Floats) -> Priced:
        option = (problem.loss + (prices @ flat).reshape(problem.loss.shape)).argmin(axis=1)
        return Priced(
            np.add.reduceat(total[rows, option], starts), np.add.reduceat(totals[:, rows, option], starts, axis=1)
        )

    return priced


def _decided(problem: Relaxation, prices: Floats, bound: float) -> Dual:
    """Solve directly among the options of least reduced cost, every other class at its best option."""
    values = problem.values(prices)
    best = values.argmin(axis=1)
    excess = values - values.min(axis=1, keepdims=True)
    rows = np.arange(len(best))
    shares = np.zeros_like(problem.loss)
    shares[rows, best] = 1.0
    within = np.partition(excess.ravel(), len(rows) + _CLOSE)[len(rows) + _CLOSE]
    near = excess <= min(within, np.finfo(float).max)
    open_rows = np.flatnonzero(near.sum(axis=1) > 1)
    settled = np.delete(rows, open_rows)
    spent = problem.costs[:, settled, best[settled]] @ problem.copies[settled]
    costs = np.where(near[open_rows], problem.costs[:, open_rows], np.inf)
    least = costs.min(axis=2)
    copies = problem.copies[open_rows]
    part = Relaxation(
        np.where(near[open_rows], problem.loss[open_rows], np.inf),
        np.where(near[open_rows], costs - least[:, :, None], 0.0),
        problem.limits - spent - least @ copies,
        copies,
    )
    if not len(open_rows) or (part.limits < 0).any():
        return Dual(prices, bound, shares)
    found = lagrangian.maximize(part)
    shares[open_rows] = np.nan_to_num(found.shares)
    whole = problem.bound(found.multipliers) if np.isfinite(found.bound) else -np.inf
    return Dual(found.multipliers, whole, shares) if whole > bound else Dual(prices, bound, shares)
