"""How far energy, predicted power times predicted latency, is off: scales of its interval, errors on held-out rows."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import power_prediction, uncertainty
from costmodel.estimators.power_prediction import PowerPrediction
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration
from profilers import scores

Floats = NDArray[np.float64]

LAUNCH_S, PAUSES = 2e-5, 2.5
"""A kind none of whose rows is shorter than the first was launched one by one: its rows below PAUSES times the shortest
time the host. On an H200 the shortest fp8_block takes 50 us; measured over predicted latency has a median of 4 to 5 up
to 100 us and of 1.2 beyond. How long such a row took tells nothing of what the board spent on it."""

SHORTEST = 0.01
"""Quantile of the latencies of rows that time the device from which on the scales hold."""


def scales(rows: pd.DataFrame, latency: Prediction, power: PowerPrediction) -> dict[str, Any]:
    """Scales of the joint half-widths that leave a twentieth of the energies on either side of the interval.

    `rows` may be those that power was fitted to: its eight constants are few beside them.
    """
    low, middle, high = power_prediction.energy_of(power, latency)
    timed = ~paused(rows.latency_s.to_numpy(dtype=np.float64))
    error = np.log(_joules(rows) / middle)
    ends = {"low": -error / np.log(middle / low), "high": error / np.log(high / middle)}
    found = {f"energy_{side}": round(uncertainty.upper(ratio[timed]), 4) for side, ratio in ends.items()}
    shortest_s = float(f"{np.quantile(latency.latency_s[timed], SHORTEST):.4g}")
    return {"energy_latency": str(latency.how).split(" (")[0], "energy_from_s": shortest_s, **found}


def errors(
    rows: pd.DataFrame, latency: Prediction, power: PowerPrediction, pipe: str, gpu: Gpu, fit: Calibration
) -> dict[str, float]:
    """Errors, interval coverage and mean width on rows that time the device; `all_coverage` is that of every row."""
    below, above = power_prediction.energy_scales(pipe, latency.latency_s, latency.how, gpu, [fit])
    low, middle, high = power_prediction.energy_of(power, latency, below=below, above=above)
    joules = _joules(rows)
    inside = (low <= joules) & (joules <= high)
    timed = ~paused(rows.latency_s.to_numpy(dtype=np.float64))
    found = scores.figures(joules[timed], middle[timed])
    found |= {"coverage": inside[timed].mean(), "width": ((high - low) / middle)[timed].mean()}
    found["all_coverage"] = inside.mean()
    return {"rows": int(timed.sum()), **{name: round(float(value), 5) for name, value in found.items()}}


def paused(latency_s: Floats) -> NDArray[np.bool_]:
    """Which rows of one kind may time pauses of the host: short ones of a kind that was launched one by one."""
    shortest = float(latency_s.min())
    return np.asarray((latency_s < PAUSES * shortest) & (shortest > LAUNCH_S))


def _joules(rows: pd.DataFrame) -> Floats:
    return (rows.power_w * rows.latency_s).to_numpy(dtype=np.float64)
