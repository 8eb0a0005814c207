"""How right predictions are: error figures of a group of rows, and what its intervals hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

Floats = NDArray[np.float64]

GROUP = ("gpu", "math", "backend")

MOST_RANKED = 20_000
"""Rows that Kendall's tau is taken of; of more, a sample of so many, the same one each time."""


def figures(measured: Floats, predicted: Floats) -> dict[str, float]:
    """MAPE, median and 90th percentile of the absolute relative error, mean log error, Kendall's tau (nan of one row).

    Tau-b: M. G. Kendall, The treatment of ties in ranking problems, 10.1093/biomet/33.3.239.
    """
    error = np.abs(predicted / measured - 1.0)
    return {
        "mape": float(error.mean()),
        "median": float(np.median(error)),
        "p90": float(np.quantile(error, 0.9)),
        "bias": float(np.log(predicted / measured).mean()),
        "kendall_tau": _tau(measured, predicted),
    }


def score(done: pd.DataFrame) -> dict[str, float]:
    """The figures of predicted rows, the share within low_s to high_s, and that interval's width by the prediction."""
    measured, predicted = done.latency_s.to_numpy(dtype=np.float64), done.predicted_s.to_numpy()
    low, high = done.low_s.to_numpy(), done.high_s.to_numpy()
    width = (high - low) / predicted
    return figures(measured, predicted) | {
        "coverage": float(np.mean((low <= measured) & (measured <= high))),
        "width": float(width.mean()),
    }


def table(done: pd.DataFrame, regimes: bool = True) -> list[dict[str, Any]]:
    """One record a gpu, math and backend over all regimes; with `regimes` one of each `bound` after it."""
    found = []
    for keys, part in done.groupby(list(GROUP), sort=True):
        found.append(_record(part, keys, "all"))
        if regimes:
            found += [_record(own, keys, str(bound)) for bound, own in part.groupby("bound", sort=True)]
    return found


def power_table(done: pd.DataFrame) -> list[dict[str, Any]]:
    """One record a gpu, math and backend of rows whose power was predicted; empty where none was."""
    if "predicted_w" not in done.columns:
        return []
    found = []
    for keys, part in done.dropna(subset=["predicted_w", "power_w"]).groupby(list(GROUP), sort=True):
        columns = {
            "latency_s": part.power_w,
            "predicted_s": part.predicted_w,
            "low_s": part.low_w,
            "high_s": part.high_w,
        }
        named: dict[str, Any] = dict(zip(GROUP, keys, strict=True))
        how = ", ".join(sorted(part.power_how.unique()))
        found.append(named | {"how": how, "rows": len(part)} | score(pd.DataFrame(columns)))
    return found


def _record(part: pd.DataFrame, keys: Sequence[object], regime: str) -> dict[str, Any]:
    named: dict[str, Any] = dict(zip(GROUP, keys, strict=True))
    how = ", ".join(sorted(part.how.unique()))
    return named | {"regime": regime, "how": how, "rows": len(part)} | score(part)


def _tau(measured: Floats, predicted: Floats) -> float:
    if len(measured) < 2:
        return float("nan")
    if len(measured) > MOST_RANKED:
        at = np.random.default_rng(0).choice(len(measured), MOST_RANKED, replace=False)
        measured, predicted = measured[at], predicted[at]
    return float(kendalltau(measured, predicted).statistic)
