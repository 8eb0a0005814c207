"""Fit the board power of few measured products: constants carried from other fits, of which the rows move the pipe's.

Activity comes from the measured latency, as rows of `power_by` time a board in steady replays. Dequantising and sparse
kernels are left out: their pipe's joules are not theirs alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from costmodel import hardware
from costmodel.estimators import gemm_kind, power_prediction, uncertainty
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_latency import predict
from costmodel.estimators.gpu_power import Activity, PowerConstants, power_w
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from profilers.power_fit import NAMES, busy_of
from profilers.split_rows import Tell, untold

Floats = NDArray[np.float64]

FEWEST_ROWS = 5
MOVED = ("math", "math_exponent")
PRIOR = (0.05, 0.2)
"""Log error of power that a constant moved by a factor of e counts as. Moved by the rows of an H100, the two left mean
errors of 15 % on an H200 and the other way round, as did three; `math` alone 20 %, `l2` alone 32 %."""

SOFT = 0.1
"""Log error beyond which a row pulls only linearly."""


@dataclass(frozen=True)
class _Part:
    """The rows of one device and kind, what is carried to them, and their activity as measured and as predicted."""

    gpu: Gpu
    kind: GemmKind
    rows: pd.DataFrame
    carried: PowerConstants
    measured: Activity
    predicted: Activity

    @property
    def power_w(self) -> Floats:
        return self.rows["power_w"].to_numpy(dtype=np.float64)


def calibrate(
    rows: pd.DataFrame, *, measured_on: str, source: str, fits: Sequence[Calibration] | None = None,
    tell: Tell = untold,
) -> list[Calibration]:  # fmt: skip
    """One calibration a device and kind of checked rows that has at least FEWEST_ROWS of them, and errs less by folds.

    `fits` are what is carried (all known ones of power if None); those of the same device and kind are not. Each row is
    predicted by constants that did not see its (n, k), at its predicted latency: a device's errors of all its kinds
    make one interval. `tell` gets a line a kind that is left out.
    """
    fits = calibrations("power") if fits is None else fits
    found: list[Calibration] = []
    for device, of_device in rows.groupby("gpu", sort=True):
        made, errors = [], []
        for math, part in of_device.groupby("math", sort=True):
            kind = gemm_kind.named(str(math))
            others = [f for f in fits if (f.device, f.math) != (device, math)]
            if kind.weight_only or kind.speedup != 1.0 or len(part) < FEWEST_ROWS or not others:
                tell(f"no power of {device} {math} is fitted: {_why(kind, len(part))}")
                continue
            seen = _part(part, kind, hardware.gpu(str(device)), others)
            off = _errors_unseen(seen)
            lent = _errors(seen, seen.carried)
            if np.median(np.abs(off)) >= np.median(np.abs(lent)):
                tell(f"no power of {device} {math} is fitted: carried constants err no more on its {len(part)} rows")
                continue
            made.append(_calibration(seen, off, lent, measured_on or seen.gpu.name, source))
            errors.append(off)
        if made:
            low, high = uncertainty.offsets(np.concatenate(errors), np.zeros(sum(map(len, errors)), np.intp), 1)
            ends = {"edges": [], "analytic_low": [round(low[0], 4)], "analytic_high": [round(high[0], 4)]}
            found += [replace(fit, intervals=ends) for fit in made]
    return found


def _why(kind: GemmKind, rows: int) -> str:
    if kind.weight_only or kind.speedup != 1.0:
        return "dequantising and sparse kernels draw more than their pipe's operations do"
    return f"{rows} rows with power, at least {FEWEST_ROWS} are needed"


def _part(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, fits: Sequence[Calibration]) -> _Part:
    m, n, k = (rows[name].to_numpy(dtype=np.float64) for name in "mnk")
    (backend,) = rows["backend"].unique() if rows["backend"].nunique() == 1 else ("",)
    told = predict(m, n, k, kind, gpu, backend=str(backend)).latency_s
    carried = power_prediction.carried(power_prediction.donor(kind.pipe, gpu, fits), kind.pipe, gpu)
    measured = busy_of(rows, kind, gpu, rows["latency_s"].to_numpy(dtype=np.float64))
    return _Part(gpu, kind, rows, carried, measured, busy_of(rows, kind, gpu, told))


def _errors(part: _Part, constants: PowerConstants) -> Floats:
    """Log of measured over predicted power, at predicted latencies."""
    return np.asarray(np.log(part.power_w / power_w(part.predicted, part.gpu, constants)))


def _errors_unseen(part: _Part) -> Floats:
    """The errors of each row by constants that did not see its (n, k)."""
    pairs = part.rows.groupby(["n", "k"], sort=True).ngroup().to_numpy()
    found = np.empty(len(pairs))
    for pair in np.unique(pairs):
        found[pairs == pair] = _errors(part, _fit(part, pairs != pair))[pairs == pair]
    return found


def _fit(part: _Part, at: NDArray[np.bool_]) -> PowerConstants:
    busy = Activity(*(getattr(part.measured, name)[at] for name in ("math", "dram", "l2")))

    def moved(x: Floats) -> PowerConstants:
        factors = dict(zip(MOVED, np.exp(x), strict=True))
        return replace(part.carried, **{name: getattr(part.carried, name) * f for name, f in factors.items()})

    def error(x: Floats) -> Floats:
        return np.concatenate([np.log(power_w(busy, part.gpu, moved(x)) / part.power_w[at]), np.array(PRIOR) * x])

    return moved(least_squares(error, np.zeros(len(MOVED)), loss="soft_l1", f_scale=SOFT).x)


def _calibration(part: _Part, off: Floats, lent: Floats, measured_on: str, source: str) -> Calibration:
    constants, rows = _fit(part, np.ones(len(part.rows), dtype=bool)), part.rows
    figures = {"rows": float(len(rows))}
    for name, errors in (("analytic", off), ("carried", lent)):
        size = np.abs(np.expm1(-errors))
        figures |= {f"{name}_mape": round(float(size.mean()), 5), f"{name}_median": round(float(np.median(size)), 5)}
    return Calibration(
        model="power", device=part.gpu.name, math=str(part.kind.math), backend="", how="transferred",
        constants={name: float(f"{getattr(constants, name):.5g}") for name in NAMES},
        held_out_error=figures, intervals={},
        ranges={name: (float(rows[name].min()), float(rows[name].max())) for name in "mnk"},
        rows=len(rows), pairs=len(rows[["n", "k"]].drop_duplicates()), measured_on=measured_on, source=source,
    )  # fmt: skip
