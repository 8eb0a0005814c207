"""Fronts under uncertain costs: with what probability a design stays on the front."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from dse.pareto import mask

Floats = NDArray[np.float64]

COVERAGE = 0.90
"""Of the intervals that cost models give (costmodel.estimators.uncertainty.COVERAGE)."""

DRAWS = 1000


def on_front(
    points: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    correlation: float | Sequence[float] = 0.0,
    groups: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> Floats:
    """Return float[P]: the share of draws in which a point is non-dominated, every column minimised.

    points, low, high  float[P, columns], low <= point <= high; equal where a column is exact
    correlation        of the errors of two points of one group, a number or one a column: a model that is off on one
                       design is off on its neighbours, which leaves the front as it is
    groups             a label a point, such as its device; groups err independently. Default: one group
    The logarithm of a column errs on each side like half a normal distribution whose COVERAGE interval is low to high;
    a column that may be 0 or less errs so itself. ValueError on shapes, order or a correlation outside [0, 1].
    """
    middle, below, above = (np.asarray(x, dtype=np.float64) for x in (points, low, high))
    _check(middle, below, above)
    rho = np.broadcast_to(np.asarray(correlation, dtype=np.float64), middle.shape[1])
    if not ((rho >= 0) & (rho <= 1)).all():
        raise ValueError(f"correlation must be within 0 and 1, got {rho.min():g} to {rho.max():g}")
    labels = np.unique(list(groups), return_inverse=True)[1] if len(groups) else np.zeros(len(middle), dtype=int)
    if len(labels) != len(middle):
        raise ValueError(f"groups must name one group a point, got {len(labels)} for {len(middle)} points")
    rng = np.random.default_rng(seed)
    kept = np.zeros(len(middle))
    for _ in range(draws):
        shared = rng.standard_normal((labels.max() + 1, middle.shape[1]))[labels]
        own = rng.standard_normal(middle.shape)
        kept += mask(_drawn(np.sqrt(rho) * shared + np.sqrt(1 - rho) * own, middle, below, above))
    return kept / draws


def _check(middle: Floats, low: Floats, high: Floats) -> None:
    if middle.ndim != 2 or not middle.size or middle.shape != low.shape or middle.shape != high.shape:
        shapes = ", ".join(str(x.shape) for x in (middle, low, high))
        raise ValueError(f"points, low and high must be [points, columns] tables of one shape, got {shapes}")
    wrong = np.argwhere(~((low <= middle) & (middle <= high)))
    if len(wrong):
        row, column = wrong[0].tolist()
        values = ", ".join(f"{x[row, column]:g}" for x in (low, middle, high))
        raise ValueError(f"low <= point <= high must hold, but row {row} column {column} has {values}")


def _drawn(z: Floats, middle: Floats, low: Floats, high: Floats) -> Floats:
    edge = norm.ppf((1 + COVERAGE) / 2)
    scaled = z / edge
    positive = (low > 0).all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(scaled < 0, np.log(middle / low), np.log(high / middle)) * scaled
        multiplied = middle * np.exp(logs)
    added = middle + np.where(scaled < 0, middle - low, high - middle) * scaled
    return np.where(positive, multiplied, added)
