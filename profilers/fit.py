"""Calibrate devices from measured matrix products, and check predictions against them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from costmodel import hardware
from costmodel.catalog import require
from costmodel.estimators import gemm_kind
from costmodel.estimators.gemm_latency import LEVELS, predict
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.hardware.load import user_folder
from profilers import calibration_file, power_fit
from profilers.gemm_calibration import Labels, calibrate_all
from profilers.gemm_rows import check


def calibrate(
    rows: pd.DataFrame,
    device: str = "",
    *,
    folder: Path | None = None,
    measured_on: str = "",
    source: str = "measured by the user",
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Fit every device in the rows, or one of them, and write its calibration; return the files.

    `rows` has gpu, math, m, n, k, latency_s and may have backend, backend_version. The user's calibrations folder is
    the default. Same rows, same files. `progress` is told (steps done, steps in all). ValueError in one line on rows
    that cannot be a measurement.
    """
    rows = check(rows).reset_index(drop=True)
    if "power_w" in rows.columns:
        rows = power_fit.check(rows)
    if device:
        rows = rows[rows.gpu == require("gpu in these rows", device, rows.gpu.unique())]
    fits = calibrate_all(rows, calibrations("gemm"), Labels(measured_on, source), progress)
    if "power_w" in rows.columns:
        fits += power_fit.calibrate(rows, measured_on=measured_on, source=source)
    folder = folder or user_folder() / "calibrations"
    files = {
        (fit.device, fit.model): [f for f in fits if (f.device, f.model) == (fit.device, fit.model)] for fit in fits
    }
    return [path for _, own in sorted(files.items()) for path in calibration_file.write(own, folder)]


def validate(
    rows: pd.DataFrame, level: str = "auto", *, residual: bool = True, fits: Sequence[Calibration] | None = None
) -> pd.DataFrame:
    """Return the rows with `predicted_s`, `low_s`, `high_s`, `how`, `bound` and `extrapolated`.

    Where they have `power_w`, also with `predicted_w`, `low_w`, `high_w` and `power_how`.

    `level` is auto, transfer (this device's fits of the kind left out) or spec (all of this device's fits left out).
    """
    require("calibration level", level, LEVELS)
    rows = check(rows)
    index, rows = rows.index, rows.reset_index(drop=True)
    fits = calibrations("gemm") if fits is None else fits
    done = []
    for (gpu, math, backend), part in rows.groupby(["gpu", "math", "backend"], sort=False):
        shape = (part.m.to_numpy(), part.n.to_numpy(), part.k.to_numpy())
        kind, device = gemm_kind.named(str(math)), hardware.gpu(str(gpu))
        found = predict(*shape, kind, device, backend=str(backend), level=level, residual=residual, fits=fits)
        columns = {"predicted_s": found.latency_s, "low_s": found.low_s, "high_s": found.high_s, "how": found.how}
        done.append(part.assign(**columns, bound=found.bound, extrapolated=found.extrapolated))
    table = pd.concat(done).sort_index()
    if "power_w" in table.columns:
        table = power_fit.validate(power_fit.check(table), level=level, residual=residual)
    return table.set_axis(index)
