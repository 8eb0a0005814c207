"""Rows of software that stands apart, on a device where it was not measured before: another device's fit as it is.

On an H200, 30 rows of PyTorch that moved the constants of its fits to an H100 made all six families that have rows
enough 1 to 14 points worse than those fits by the spec sheet: few rows tell how far these are off, no more, and many
are a fit of their own only where its folds err less than that.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from costmodel.estimators import uncertainty
from costmodel.estimators.calibrated import predict
from costmodel.estimators.transfer import donors
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from profilers.alone_fit import UNKNOWN_OFFSET, stated_errors
from profilers.measured_rows import of

FEWEST_ROWS = 30
"""Rows from which on their errors are the interval; fewer do not show its ends."""

STAGES = ("analytic", "residual", "few", "spec")


def giver(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, known: Sequence[Calibration]) -> Calibration | None:
    """The one fit of the rows' backend and kind that stands apart, on another GPU; None where there is none."""
    found = donors(of(rows).model, kind.math, gpu, known, str(rows.backend.iloc[0])) if isinstance(gpu, Gpu) else ()
    return found[0] if len(found) == 1 and found[0].by_name and found[0].math == kind.math else None


def start(rows: pd.DataFrame, fit: Calibration) -> Any:
    """The giver's constants as a record, where a search for own ones begins."""
    return of(rows).model.constants(**fit.constants)


def taken(rows: pd.DataFrame, blank: Calibration, kind: Any, gpu: Gpu | Cpu, fit: Calibration) -> Calibration:
    """The giver's constants and trees as the device's own, with the errors of these rows as interval."""
    table = of(rows)
    made = replace(blank, constants=fit.constants, residual=fit.residual, how="transferred")
    named = replace(fit, device=gpu.name)
    found = predict(table.model, table.sizes(rows), kind, gpu, backend=fit.backend, fits=[named])
    errors = np.log(rows.latency_s.to_numpy() / found.latency_s)
    ends = [-UNKNOWN_OFFSET] * 2, [UNKNOWN_OFFSET] * 2
    low, high = uncertainty.offsets(errors, np.zeros(len(rows), dtype=np.intp), 2) if len(rows) >= FEWEST_ROWS else ends
    intervals: dict[str, Any] = {"edges_s": []}
    stated: dict[str, float] = {"rows": len(rows)}
    for stage in STAGES:
        intervals |= {f"{stage}_low": [round(x, 4) for x in low], f"{stage}_high": [round(x, 4) for x in high]}
        intervals[f"{stage}_correlation"] = 1.0
    for stage in ("analytic", "residual"):
        stated |= stated_errors(rows, errors, low[0], high[0], stage)
    return replace(made, intervals=intervals, held_out_error=stated)


def better(one: Calibration, other: Calibration) -> Calibration:
    """The one that errs less in the mean on rows that it did not see."""
    return min(one, other, key=lambda fit: fit.held_out_error["residual_mape"])
