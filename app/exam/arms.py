"""Assignments of equal bytes: uniform, of least predicted loss, random."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.exam.subject import WIDTHS
from dse import allocate

Choice = NDArray[np.int64]


def assignments(
    losses: Mapping[str, NDArray[np.float64]], weights: NDArray[np.int64], budget: int, *, draws: int, seed: int
) -> dict[str, Choice]:
    """Return choices [layers] of WIDTHS within the bytes of a uniform width: uniform, one a loss table, random ones.

    losses   {arm: float[layers, widths]} to be minimised in sum
    weights  of each layer
    budget   the uniform width, in bits
    """
    bits = weights[:, None] * np.array(WIDTHS)
    limit = float(budget * weights.sum())
    arms = {"uniform": np.full(len(weights), WIDTHS.index(budget))}
    arms |= {arm: cheapest(table, weights, budget) for arm, table in losses.items()}
    random = np.random.default_rng([seed, budget])
    return arms | {f"random {draw}": _random(bits, limit, random) for draw in range(draws)}


def cheapest(table: NDArray[np.float64], weights: NDArray[np.int64], budget: int) -> Choice:
    """The choice [layers] of least summed loss (negative ones count as 0) within the bytes of a uniform width."""
    bits = weights[:, None] * np.array(WIDTHS)
    limit = float(budget * weights.sum())
    return allocate.solve(np.maximum(table, 0.0), {"bits": bits}, {"bits": limit}).choice


def _random(bits: NDArray[np.int64], limit: float, random: np.random.Generator) -> Choice:
    """From the narrowest everywhere, widen layers in random order by one step as long as any fits."""
    choice = np.zeros(len(bits), dtype=np.int64)
    rows = np.arange(len(bits))
    while True:
        wider = np.minimum(choice + 1, bits.shape[1] - 1)
        growth = bits[rows, wider] - bits[rows, choice]
        fits = np.flatnonzero((growth > 0) & (bits[rows, choice].sum() + growth <= limit))
        if not len(fits):
            return choice
        layer = random.choice(fits)
        choice[layer] += 1
