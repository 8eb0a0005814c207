"""Calibrate devices from measured rows, matrix products or attention, and check predictions against them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from costmodel import hardware
from costmodel.catalog import require
from costmodel.estimators.calibrated import LEVELS, predict
from costmodel.hardware.calibration import Calibration, every
from costmodel.hardware.load import user_folder
from profilers import calibration_file, few_power_fit, power_fit
from profilers.calibration_fit import Labels, calibrate_all
from profilers.call import ROWS_TO_FIT
from profilers.measured_rows import check, of
from profilers.split_rows import Tell, split, untold


class TooFewRowsError(ValueError):
    """No kind of work has rows enough for a fit; the message names them."""


def calibrate(
    rows: pd.DataFrame,
    device: str = "",
    *,
    folder: Path | None = None,
    measured_on: str = "",
    source: str = "measured by the user",
    by_name: bool = False,
    progress: Callable[[int, int], None] | None = None,
    tell: Tell = untold,
) -> list[Path]:
    """Fit every device in the rows, or one of them, and write its calibration; return the files.

    `rows` has the columns of gemm_table or attention_table and may have backend, backend_version. The user's
    calibrations folder is the default. Fits `by_name` have files of their own and answer only where their backend is
    named; board power, which knows none, is then left out. Same rows, same files. `progress` is told (steps done, steps
    in all), `tell` what was left out. ValueError in one line on rows that cannot be a measurement, TooFewRowsError
    where nothing is made of them.
    """
    labels = Labels(measured_on, source, by_name)
    fits = [fit for part in split(rows, tell) for fit in _fits(part, device, labels, progress, tell)]
    fits, lacking = [fit for fit in fits if fit.how], [fit for fit in fits if not fit.how]
    if lacking:
        names = (" ".join(filter(None, (fit.device, fit.math, fit.backend))) + f" ({fit.rows})" for fit in lacking)
        line = f"under {ROWS_TO_FIT} rows, so no fit: {', '.join(names)}"
        if not fits:
            raise TooFewRowsError(line)
        tell(line)
    folder = folder or user_folder() / "calibrations"
    files: dict[str, list[Calibration]] = {}
    for fit in fits:
        files.setdefault(calibration_file.stem(fit), []).append(fit)
    return [path for _, own in sorted(files.items()) for path in calibration_file.write(own, folder)]


def _fits(
    part: pd.DataFrame, device: str, labels: Labels, progress: Callable[[int, int], None] | None, tell: Tell
) -> list[Calibration]:
    """The calibrations of one table's rows: of latency, and of power where they have it."""
    if labels.by_name and "power_w" in part.columns:
        tell("power_w is left out: a board's power has no backend by which fits could be named")
        part = part.drop(columns="power_w")
    rows = check(part, tell)
    rows = power_fit.check(rows, tell).reset_index(drop=True)
    if device:
        rows = rows[rows.gpu == require("gpu in these rows", device, rows.gpu.unique())]
    fits = calibrate_all(rows, every(of(rows).model.name), labels, progress, tell)
    if "power_w" in rows.columns:
        rows = rows.dropna(subset="power_w")
        many = power_fit.are_enough(rows)
        for model, own in ((power_fit, rows[many]), (few_power_fit, rows[~many])):
            fits += model.calibrate(own, measured_on=labels.measured_on, source=labels.source, tell=tell)
    return fits


def validate(
    rows: pd.DataFrame, level: str = "auto", *, residual: bool = True, fits: Sequence[Calibration] | None = None,
    tell: Tell = untold,
) -> pd.DataFrame:  # fmt: skip
    """Return the rows with `predicted_s`, `low_s`, `high_s`, `how`, `bound` and `extrapolated`.

    Products that have `power_w` also get `predicted_w`, `low_w`, `high_w` and `power_how`.

    `level` is auto, transfer (this device's fits of the kind left out) or spec (all of this device's fits left out).
    `tell` gets a line for what is left out.
    """
    require("calibration level", level, LEVELS)
    parts = split(rows, tell)
    if len(parts) > 1:
        done = [validate(part, level, residual=residual, fits=fits, tell=tell) for part in parts]
        return pd.concat(done).sort_index()
    rows = power_fit.check(check(parts[0], tell), tell)
    index, rows = rows.index, rows.reset_index(drop=True)
    table = of(rows)
    done = []
    for (gpu, math, backend), part in rows.groupby(["gpu", "math", "backend"], sort=False):
        kind, device = table.model.named(str(math)), hardware.processor(str(gpu))
        p = predict(
            table.model, table.sizes(part), kind, device,
            backend=str(backend), level=level, residual=residual, fits=fits,
        )  # fmt: skip
        columns = {"predicted_s": p.latency_s, "low_s": p.low_s, "high_s": p.high_s, "how": p.how}
        done.append(part.assign(**columns, bound=p.bound, extrapolated=p.extrapolated))
    found = pd.concat(done).sort_index()
    if "power_w" in found.columns:
        found = power_fit.validate(found, level=level, residual=residual)
    return found.set_axis(index)
