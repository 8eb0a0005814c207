"""Intervals around predicted times, from the errors of rows that a fit never saw.

Split-conformal prediction: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman, Distribution-free predictive inference for
regression, arXiv 1604.04173 (section 5.2: scaled by a predicted spread), here by regime of the prediction. Offsets are
quantiles of log(measured / predicted), so that an interval is a pair of factors.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real

COVERAGE = 0.90
"""Share of measurements that an interval is to hold."""


def regime(latency_s: Real, compute_bound: Real, edges_s: Sequence[float]) -> NDArray[np.intp]:
    """The stratum of a prediction: its latency's bin between the edges, counted on for compute-bound ones."""
    return np.searchsorted(np.asarray(edges_s), latency_s) + (len(edges_s) + 1) * np.asarray(
        compute_bound, dtype=np.intp
    )


def offsets(errors: Real, strata: NDArray[np.intp], count: int, least: int = 100) -> tuple[list[float], list[float]]:
    """Low and high offset of each of `count` strata that hold COVERAGE of its errors; all errors where it has few."""
    errors = np.asarray(errors, dtype=np.float64)
    pooled = _quantiles(errors)
    own = [_quantiles(errors[strata == i]) if np.sum(strata == i) >= least else pooled for i in range(count)]
    return [low for low, _ in own], [high for _, high in own]


def _quantiles(errors: NDArray[np.float64]) -> tuple[float, float]:
    """Both tails' quantiles with the finite-sample rank ceil((n + 1) q) of split-conformal prediction."""
    return -upper(-errors), upper(errors)


def upper(errors: NDArray[np.float64]) -> float:
    """The error that one tail of the interval leaves above, with that rank."""
    ordered = np.sort(errors)
    rank = min(int(np.ceil((len(ordered) + 1) * (1.0 + COVERAGE) / 2.0)), len(ordered))
    return float(ordered[rank - 1])


def total(latency_s: Real, low_s: Real, high_s: Real, same: Any, correlation: float) -> tuple[float, float]:
    """Interval of a sum of predicted times.

    Entries with the same label in `same` are one shape executed again: their errors are one error. Errors of different
    shapes have that correlation, fitted so that sums over networks of held-out shapes are covered; above 1 it widens.
    """
    latency_s, low_s, high_s = (np.asarray(x, dtype=np.float64) for x in (latency_s, low_s, high_s))
    _, label = np.unique(np.asarray(same), return_inverse=True)
    below, above = (np.bincount(label, half).astype(np.float64) for half in (latency_s - low_s, high_s - latency_s))
    middle = float(latency_s.sum())
    return middle - _joint(below, correlation), middle + _joint(above, correlation)


def half_width(halves: Real, total: NDArray[np.intp], source: NDArray[np.intp], correlation: Real) -> Real:
    """The half widths of many sums, float64[totals]: of entries that belong to `total` and whose errors all differ.

    Within a `source` errors have the correlation of its first entry, between sources they add as if all one.
    """
    halves = np.asarray(halves, dtype=np.float64)
    sources = int(source.max()) + 1
    part = total * sources + source
    of_part = np.zeros((int(total.max()) + 1) * sources)
    of_part[part[::-1]] = np.broadcast_to(correlation, halves.shape)[::-1]
    sums, squares = (np.bincount(part, weights, of_part.size) for weights in (halves, halves**2))
    return _combined(sums, squares, of_part).reshape(-1, sources).sum(axis=1)


def _joint(halves: NDArray[np.float64], correlation: float) -> float:
    return float(_combined(np.sum(halves), np.sum(halves**2), correlation))


def _combined(together: Real, squares: Real, correlation: Real) -> Real:
    return np.sqrt(np.maximum(squares + correlation * (together**2 - squares), 0.0))
