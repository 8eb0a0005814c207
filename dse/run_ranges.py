"""What is known of a design's metrics beside their values: their ranges, and where they come from."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from costmodel.estimators.estimated import Estimate
from costmodel.hardware import Fpga
from dse.curves import ends

MOST_RANGED = 200
"""Designs of a front whose ranges and sources a report has: each is estimated in full, in some hundredths of a
second."""
PROXY = "data-free proxy"
SOURCED = {"latency_s": "latency_source", "energy_j": "energy_source", "lut": "lut_source"}
"""Metrics whose parts have sources of several kinds, and what a row calls theirs."""


def beside(found: Estimate, row: Mapping[str, Any], metrics: Iterable[str]) -> dict[str, Any]:
    """Return the low and high ends and the source of those metrics of a row that its full estimate has so too."""
    told: dict[str, Any] = {}
    for name in metrics:
        value = row.get(name)
        if value is None or not math.isclose(value, found.totals.get(name, math.nan), rel_tol=1e-6):
            continue
        told |= {end: found.totals[end] for end in ends(name) if end in found.totals}
        told |= {SOURCED[name]: source(found, name)} if name in SOURCED else {}
    return told


def source(found: Estimate, name: str) -> str:
    """Where a total comes from in a few words: shares of measured calibration, formula, synthesis."""
    measured = ("lut", "ff") if isinstance(found.device, Fpga) else ("latency_s", "examples_per_s")
    column = "source" if name in measured else {"energy_j": "energy_source", "power_w": "energy_source"}.get(name)
    if column is None or column not in found.columns:
        return PROXY if name == "loss" else "formula"
    by = {"power_w": "energy_j"}.get(name, name if name in found.columns else "latency_s")
    weights = np.nan_to_num(np.asarray(found.columns[by], dtype=float))
    words = np.array([str(s).split(" (")[0] for s in found.columns[column]])
    shares = {w: float(weights[words == w].sum()) for w in np.unique(words).tolist()}
    whole = sum(shares.values()) or 1.0
    told = [(w, s / whole) for w, s in sorted(shares.items(), key=lambda e: -e[1]) if s / whole >= 0.005]
    return ", ".join(f"{s:.0%} {w}" if s < 0.995 else w for w, s in told) or "formula"
