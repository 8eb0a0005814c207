"""What is stored of a fit's errors: offsets by regime, the correlation of errors within a network."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import uncertainty
from profilers import measured_rows

Floats = NDArray[np.float64]

NETWORKS, LAYERS = 600, (4, 12)
"""Random networks that a sum's interval is calibrated on: so many, of so many different layers of one pass."""


def edges_s(latency_s: Floats) -> list[float]:
    """Edges of four latency bins with equally many rows."""
    return [float(f"{edge:.4g}") for edge in np.quantile(latency_s, [0.25, 0.5, 0.75])]


def table(errors: Floats, strata: NDArray[np.intp], edges: list[float], stage: str) -> dict[str, Any]:
    """The offsets of a stage by regime, rounded."""
    low, high = uncertainty.offsets(errors, strata, 2 * (len(edges) + 1))
    return {f"{stage}_low": [round(x, 4) for x in low], f"{stage}_high": [round(x, 4) for x in high]}


def correlation(
    rows: pd.DataFrame, predicted_s: Floats, low_s: Floats, high_s: Floats, seed: int = 0,
    fold: NDArray[np.int64] | None = None,
) -> float:  # fmt: skip
    """The correlation with which uncertainty.total holds COVERAGE of random networks of these rows' layers.

    Where a model of its own predicted each `fold`, networks are of one fold: errors of four models, mixed, cancel in a
    sum, while those of the one model that is used do not. It is then what the worst fold needs: a model and the layers
    that it did not see are one draw of four, whose errors all networks of that fold share.
    """
    part = np.zeros(len(rows), dtype=np.int64) if fold is None else fold
    needed = []
    for at in (part == one for one in np.unique(part)):
        sums = network_sums(rows[at], predicted_s[at], low_s[at], high_s[at], seed)
        needed += [_needed(sums)] if len(sums) else []
    return max(needed, default=1.0)


def _needed(sums: Floats) -> float:
    """The correlation that holds COVERAGE of sums of layers."""
    missed, side = sums[:, 0], sums[:, 0] < 0
    together, apart = np.where(side, sums[:, 1], sums[:, 3]), np.where(side, sums[:, 2], sums[:, 4])
    needed = (missed**2 - apart) / np.maximum(together - apart, 1e-30)
    return float(np.clip(np.round(np.quantile(needed, uncertainty.COVERAGE), 4), 0.0, 4.0))


def network_sums(
    rows: pd.DataFrame, predicted_s: Floats, low_s: Floats, high_s: Floats, seed: int
) -> Floats:  # fmt: skip
    """Of each random network: measured less predicted time, then squared sum and sum of squares of both half-widths.

    A network's layers are of one pass.
    """
    rng = np.random.default_rng(seed)
    columns = np.stack([rows.latency_s - predicted_s, predicted_s - low_s, high_s - predicted_s])
    keys = [rows[name].to_numpy() for name in measured_rows.of(rows).pass_of]
    passes = rows.reset_index(drop=True).groupby(keys).indices.values()
    by_pass = [np.asarray(at) for at in passes if len(at) >= LAYERS[0]]
    found = []
    for _ in range(NETWORKS if by_pass else 0):
        at = by_pass[rng.integers(len(by_pass))]
        layers = rng.choice(at, min(len(at), int(rng.integers(LAYERS[0], LAYERS[1] + 1))), replace=False)
        error, below, above = columns[:, layers]
        found.append([error.sum(), below.sum() ** 2, (below**2).sum(), above.sum() ** 2, (above**2).sum()])
    return np.array(found).reshape(-1, 5)


def network_coverage(sums: Floats, rho: float) -> float:
    """Share of networks whose measured total lies within its interval."""
    side = sums[:, 0] < 0
    together, apart = np.where(side, sums[:, 1], sums[:, 3]), np.where(side, sums[:, 2], sums[:, 4])
    return float(np.mean(sums[:, 0] ** 2 <= apart + rho * (together - apart)))
