"""The spread by which intervals of few rows are calibrated is as good as that of rows that nobody saw."""

import numpy as np
import pandas as pd

from costmodel.estimators.boosted import unpack
from profilers import pair_split, residual_fit
from profilers.boosting import Growth


def drawn(seed, count=600):
    """Rows of fitted pairs with features that tell nothing of their errors."""
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 31, count) * 64, rng.integers(1, 4, count) * 512
    rows = pd.DataFrame({"gpu": "l40s", "math": "bfloat16", "m": 8, "n": n, "k": k, "latency_s": 1e-5})
    features, error, seen = rng.normal(size=(8, count)), rng.normal(0.0, 0.1, count), ~pair_split.held_out(rows)
    return rows[seen].reset_index(drop=True), features[:, seen], error[seen]


def test_an_interval_of_few_rows_holds_as_many_of_others(monkeypatch):
    monkeypatch.setattr(residual_fit, "SMALL", Growth(trees=1, depth=1))
    held = []
    for seed in range(3):
        grown = residual_fit.grow_residual(*drawn(seed))
        end = np.quantile(np.abs(grown.left) / grown.spread, 0.9)
        _, features, error = drawn(seed + 100, 5000)
        left = error - unpack(grown.arrays["bias"]).predict(features)
        held.append(np.mean(np.abs(left) <= end * np.exp(unpack(grown.arrays["spread"]).predict(features))))
    assert 0.88 < np.mean(held) < 0.93
