"""Calibrate a kind of work from few rows that no other device's constants can help: its own fit, errors by folds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import uncertainty
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from profilers import pair_split, scores
from profilers.constants_fit import complete, fit_constants
from profilers.measured_rows import of

Floats = NDArray[np.float64]

FEWEST_ROWS = 10
"""Rows below which constants would be the prior's."""

FOLDS = 5
UNKNOWN_OFFSET = 0.5
"""Log offset for what these rows say of another device: a factor of 1.65, a guess."""

STAGES = ("spec", "few")


def alone(rows: pd.DataFrame, blank: Calibration, kind: Any, device: Gpu | Cpu) -> Calibration:
    """A calibration of one kind and backend from all of its rows, its errors from folds that each fit never saw.

    `blank` brings names, ranges and source. ValueError below FEWEST_ROWS rows.
    """
    if len(rows) < FEWEST_ROWS:
        raise ValueError(f"{device.name} {kind.math} has {len(rows)} rows, at least {FEWEST_ROWS} are needed to fit it")
    model = of(rows).model
    constants = complete(model, fit_constants(rows, kind, device, starts=1))
    measured_s = rows.latency_s.to_numpy()
    predicted_s = _by_folds(rows, kind, device)
    intervals = _intervals(np.log(measured_s / predicted_s))
    done = rows.assign(predicted_s=predicted_s)
    done = done.assign(low_s=predicted_s * np.exp(intervals["analytic_low"][0]))
    done = done.assign(high_s=predicted_s * np.exp(intervals["analytic_high"][0]))
    error: dict[str, float] = {"rows": len(rows)}
    for name, value in scores.score(done).items():
        error |= {f"{stage}_{name}": round(value, 5) for stage in ("analytic", "residual")}
    return replace(blank, constants=constants, intervals=intervals, held_out_error=error)


def enough(rows: pd.DataFrame) -> bool:
    """Whether rows of one kind and backend can be fitted alone."""
    return len(rows) >= FEWEST_ROWS


def _by_folds(rows: pd.DataFrame, kind: Any, device: Gpu | Cpu) -> Floats:
    table = of(rows)
    part = np.floor(pair_split.place(rows) * FOLDS)
    predicted_s = np.empty(len(rows))
    for fold in np.unique(part):
        away, here = rows[part != fold], rows[part == fold]
        constants = table.prior
        if len(away):
            constants = table.model.constants(**complete(table.model, fit_constants(away, kind, device, starts=1)))
        predicted_s[part == fold] = table.model.terms(*table.sizes(here), kind, device, constants).latency_s
    return predicted_s


def _intervals(errors: Floats) -> Mapping[str, Any]:
    low, high = uncertainty.offsets(errors, np.zeros(len(errors), dtype=np.intp), 2)
    bias = float(np.mean(errors))
    own: dict[str, Any] = {"edges_s": []}
    for stage in ("analytic", "residual"):
        own |= {f"{stage}_low": [round(x, 4) for x in low], f"{stage}_high": [round(x, 4) for x in high]}
        own[f"{stage}_correlation"] = round(float(np.clip(bias**2 / np.mean(errors**2), 0.1, 1.0)), 4)
    for stage in STAGES:
        own |= {f"{stage}_low": [-UNKNOWN_OFFSET] * 2, f"{stage}_high": [UNKNOWN_OFFSET] * 2}
        own[f"{stage}_correlation"] = 1.0
    return own
