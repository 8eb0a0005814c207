"""The Lagrangian dual of a large or coupled problem: the best mixture of the plans that prices have led to so far.

Dantzig, Wolfe, Decomposition Principle for Linear Programs, Operations Research 8(1), 1960, doi 10.1287/opre.8.1.101;
prices are asked for between the best known and the mixture's, which steadies them (Pessoa, Sadykov, Uchoa, Vanderbeck,
Automation and Combination of Linear-Programming Based Stabilization Techniques in Column Generation, INFORMS Journal on
Computing 30(2), 2018, doi 10.1287/ijoc.2017.0784).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dse.interrupts import late
from dse.solvers import lagrangian
from dse.solvers.relaxation import Floats, Relaxation

_ROUNDS = 60
_MOST = 1e9
"""The highest price, in worst losses a limit: a mixture of plans that break the limits has no highest."""
_SMOOTH, _PLAIN = 0.5, 8
"""How far from the mixture's prices towards the best known the next ones are asked for, but once in so many turns."""
_START = 10.0 ** np.arange(-6, 3)
"""Prices to begin with, in worst losses a limit."""


@dataclass(frozen=True)
class Priced:
    """What minimises loss plus priced costs: the loss [blocks] and costs [budgets, blocks] of it, block by block."""

    loss: Floats
    costs: Floats


@dataclass(frozen=True)
class Mixture:
    """Prices, the bound that they prove, the plans that were priced, and the share of each [blocks, plans]."""

    prices: Floats
    bound: float
    plans: Sequence[Priced]
    shares: Floats


Pricing: TypeAlias = Callable[[Floats], Priced]


def maximize(
    priced: Pricing,
    limits: Floats,
    worst: float,
    *,
    start: Floats | None = None,
    known: Sequence[Priced] = (),
    rtol: float = 1e-7,
    cutoff: float = math.inf,
    deadline: float = math.inf,
) -> Mixture:
    """Return the multipliers of the greatest Lagrangian bound, up to `rtol` of it; at least one budget.

    `priced` is asked for plans at prices [budgets], first at `start`; `known` are plans from before. `worst` is a loss
    that no plan passes: a bound above it proves that no plan meets the limits. Stops at a bound above `cutoff`, or when
    the time is up.
    """
    scale = (worst or 1.0) / np.maximum(limits, 1.0)
    asked = [start] if start is not None else [np.zeros(len(limits)), *(scale * step for step in _START)]
    plans, best, prices, shares = list(known), -math.inf, np.zeros(len(limits)), np.ones((1, 1))
    for turn in range(_ROUNDS):
        for ask in asked:
            plans.append(priced(ask))
            bound = float(plans[-1].loss.sum() + ask @ (plans[-1].costs.sum(axis=1) - limits))
            if bound > best:
                best, prices = bound, ask
            if late(deadline):
                break
        if best > min(cutoff, worst) or late(deadline):
            break
        mixture, shares, value = _mix(plans, limits)
        mixture = np.minimum(mixture, _MOST * scale)
        if value - best <= rtol * abs(best):
            break
        asked = [mixture if turn % _PLAIN == _PLAIN - 1 else prices + (1 - _SMOOTH) * (mixture - prices)]
    return Mixture(prices, best, plans, shares)


def _mix(plans: Sequence[Priced], limits: Floats) -> tuple[Floats, Floats, float]:
    """Prices, shares and loss of the best mixture within the limits; infinite prices of what no mixture keeps."""
    loss = np.stack([plan.loss for plan in plans], axis=1)
    costs = np.stack([plan.costs for plan in plans], axis=2)
    least, lowest = costs.min(axis=2), loss.min(axis=1)
    room, rest = limits - least.sum(axis=1), costs - least[:, :, None]
    prices = np.where(room < 0, np.inf, 0.0)
    if (room < 0).any():
        return prices, np.ones((len(loss), 1)), math.inf
    binding = rest.max(axis=2).sum(axis=1) > room
    problem = Relaxation(loss - lowest[:, None], rest[binding], room[binding], np.ones(len(loss)))
    dual = lagrangian.maximize(problem)
    prices[binding] = dual.multipliers
    return prices, dual.shares, dual.bound + float(lowest.sum())
