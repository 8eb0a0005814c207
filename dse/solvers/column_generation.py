"""The Lagrangian dual of a large or coupled problem: the best mixture of the plans that prices have led to so far.

Dantzig, Wolfe, Decomposition Principle for Linear Programs, Operations Research 8(1), 1960, doi 10.1287/opre.8.1.101;
prices are asked for between the best known and the mixture's, which steadies them (Pessoa, Sadykov, Uchoa, Vanderbeck,
Automation and Combination of Linear-Programming Based Stabilization Techniques in Column Generation, INFORMS Journal on
Computing 30(2), 2018, doi 10.1287/ijoc.2017.0784).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dse.solvers import lagrangian
from dse.solvers.relaxation import Floats, Relaxation

_ROUNDS = 60
_SMOOTH = 0.5
"""How far from the mixture's prices towards the best known the next ones are asked for."""
_START = 10.0 ** np.arange(-6, 3)
"""Prices to begin with, in worst losses a limit."""


@dataclass(frozen=True)
class Priced:
    """What minimises loss plus priced costs: the loss [blocks] and costs [budgets, blocks] of it, block by block."""

    loss: Floats
    costs: Floats


@dataclass(frozen=True)
class Mixture:
    """Prices, the bound that they prove, and the share of each priced plan, by the order of asking [blocks, plans]."""

    prices: Floats
    bound: float
    shares: Floats


Pricing: TypeAlias = Callable[[Floats], Priced]


def maximize(
    priced: Pricing,
    limits: Floats,
    worst: float,
    *,
    start: Floats | None = None,
    rtol: float = 1e-7,
    cutoff: float = math.inf,
    deadline: float = math.inf,
) -> Mixture:
    """Return the multipliers of the greatest Lagrangian bound, up to `rtol` of it; at least one budget.

    `priced` is asked for plans at prices [budgets]. `worst` is a loss that no plan passes: a bound above it proves that
    no plan meets the limits. Stops at a bound above `cutoff`, or when the time is up.
    """
    scale = worst / np.maximum(limits, 1.0)
    asked = [start] if start is not None else [scale * step for step in _START]
    plans, bounds = [], []
    best, prices, shares = -math.inf, np.zeros(len(limits)), np.ones((1, 1))
    for _ in range(_ROUNDS):
        for ask in asked:
            plans.append(priced(ask))
            bounds.append(float(plans[-1].loss.sum() + ask @ (plans[-1].costs.sum(axis=1) - limits)))
            if bounds[-1] > best:
                best, prices = bounds[-1], ask
        if best > min(cutoff, worst) or time.monotonic() > deadline:
            break
        mixture, shares, value = _mix(plans, limits, worst)
        if value - best <= rtol * abs(best):
            break
        asked = [prices + (1 - _SMOOTH) * (mixture - prices)] if len(bounds) % 8 else [mixture]
    return Mixture(prices, best, shares)


def _mix(plans: list[Priced], limits: Floats, worst: float) -> tuple[Floats, Floats, float]:
    """Prices, shares and loss of the best mixture within the limits."""
    loss = np.stack([plan.loss for plan in plans], axis=1)
    costs = np.stack([plan.costs for plan in plans], axis=2)
    least, lowest = costs.min(axis=2), loss.min(axis=1)
    room = limits - least.sum(axis=1)
    problem = Relaxation(loss - lowest[:, None], costs - least[:, :, None], room, np.ones(len(loss)))
    dual = lagrangian.maximize(problem)
    return dual.multipliers, dual.shares, dual.bound + float(lowest.sum())
