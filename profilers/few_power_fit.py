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
    """One calibration a device and circuits of checked rows that has FEWEST_ROWS or more and errs less by folds.

    `fits` are what may be carried (all known ones of power if None), of which those of few rows are not; a device's
    circuits that all constants are known of keep them. Each row is predicted by constants that did not see its (n, k),
    at its predicted latency: a device's errors of all its kinds make one interval. `tell` gets a line on what is left
    out.
    """
    fits = [fit for fit in (calibrations("power") if fits is None else fits) if fit.how == "calibrated"]
    found: list[Calibration] = []
    circuits = rows["math"].map(_circuits)
    for device, of_device in rows.groupby("gpu", sort=True):
        made, errors = [], []
        for name, part in of_device.groupby(circuits, sort=True):
            kinds = ", ".join(sorted(part["math"].unique()))
            others = [f for f in fits if (f.device, _circuits(f.math)) != (device, name)]
            why = _not_fitted(part, str(name), len(others) < len(fits))
            if not why:
                seen = [
                    _part(rows, gemm_kind.named(str(math)), others) for math, rows in part.groupby("math", sort=True)
                ]
                off, lent = _errors_unseen(seen), _errors(seen, [one.carried for one in seen])
                if np.abs(off).mean() < np.abs(lent).mean():
                    made.append(_calibration(seen, off, lent, measured_on, source))
                    errors.append(off)
                    continue
                why = f"carried constants err no more on its {len(part)} rows"
            tell(f"no power of {device} {kinds} is fitted: {why}")
        if made:
            low, high = uncertainty.offsets(np.concatenate(errors), np.zeros(sum(map(len, errors)), np.intp), 1)
            ends = {"edges": [], "analytic_low": [round(low[0], 4)], "analytic_high": [round(high[0], 4)]}
            found += [replace(fit, intervals=ends) for fit in made]
    return found


def _circuits(math: str) -> str:
    """What multiplies a kind: its pipe, or "unlike" where more than its operations draw power."""
    kind = gemm_kind.named(math)
    if kind.weight_only or kind.speedup != 1.0:
        return "unlike"
    return str(power_prediction.SAME_CIRCUITS.get(kind.pipe, kind.pipe))


def _not_fitted(part: pd.DataFrame, circuits: str, known: bool) -> str:
    """Why rows are no fit, "" where they may be."""
    if circuits == "unlike":
        return "dequantising and sparse kernels draw more than their pipe's operations do"
    if known:
        return "all constants of its circuits are known"
    return "" if len(part) >= FEWEST_ROWS else f"{len(part)} rows with power, at least {FEWEST_ROWS} are needed"


def _part(rows: pd.DataFrame, kind: GemmKind, fits: Sequence[Calibration]) -> _Part:
    gpu = hardware.gpu(str(rows["gpu"].iloc[0]))
    m, n, k = (rows[name].to_numpy(dtype=np.float64) for name in "mnk")
    backend = str(rows["backend"].iloc[0]) if rows["backend"].nunique() == 1 else ""
    told = predict(m, n, k, kind, gpu, backend=backend).latency_s
    carried = power_prediction.carried(power_prediction.donor(kind.pipe, gpu, fits), kind.pipe, gpu)
    measured = busy_of(rows, kind, gpu, rows["latency_s"].to_numpy(dtype=np.float64))
    return _Part(gpu, kind, rows, carried, measured, busy_of(rows, kind, gpu, told))


def _errors(parts: Sequence[_Part], constants: Sequence[PowerConstants]) -> Floats:
    """Log of measured over predicted power, at predicted latencies."""
    pairs = zip(parts, constants, strict=True)
    return np.concatenate([np.log(part.power_w / power_w(part.predicted, part.gpu, c)) for part, c in pairs])


def _errors_unseen(parts: Sequence[_Part]) -> Floats:
    """The errors of each row by constants that did not see its (n, k)."""
    places = [part.rows["n"].to_numpy() * 1e9 + part.rows["k"].to_numpy() for part in parts]
    every = np.concatenate(places)
    found = np.empty(len(every))
    for place in np.unique(every):
        moved = _fit(parts, [own != place for own in places])
        found[every == place] = _errors(parts, moved)[every == place]
    return found


def _fit(parts: Sequence[_Part], at: Sequence[NDArray[np.bool_]]) -> list[PowerConstants]:
    """The constants of each kind, all moved by the same factors."""
    seen = [
        (Activity(*(getattr(part.measured, name)[own] for name in ("math", "dram", "l2"))), part.power_w[own])
        for part, own in zip(parts, at, strict=True)
    ]

    def moved(x: Floats) -> list[PowerConstants]:
        factors = dict(zip(MOVED, np.exp(x), strict=True))
        return [
            replace(part.carried, **{name: getattr(part.carried, name) * f for name, f in factors.items()})
            for part in parts
        ]

    def error(x: Floats) -> Floats:
        off = [
            np.log(power_w(busy, part.gpu, constants) / watts)
            for part, constants, (busy, watts) in zip(parts, moved(x), seen, strict=True)
        ]
        return np.concatenate([*off, np.array(PRIOR) * x])

    return moved(least_squares(error, np.zeros(len(MOVED)), loss="soft_l1", f_scale=SOFT).x)


def _calibration(parts: Sequence[_Part], off: Floats, lent: Floats, measured_on: str, source: str) -> Calibration:
    """The fit, under the kind of most rows."""
    first = max(range(len(parts)), key=lambda i: len(parts[i].rows))
    constants = _fit(parts, [np.ones(len(part.rows), dtype=bool) for part in parts])[first]
    rows = pd.concat([part.rows for part in parts])
    figures = {"rows": float(len(rows))}
    for name, errors in (("analytic", off), ("carried", lent)):
        size = np.abs(np.expm1(-errors))
        figures |= {f"{name}_mape": round(float(size.mean()), 5), f"{name}_median": round(float(np.median(size)), 5)}
    return Calibration(
        model="power", device=parts[first].gpu.name, math=str(parts[first].kind.math), backend="", how="transferred",
        constants={name: float(f"{getattr(constants, name):.5g}") for name in NAMES},
        held_out_error=figures, intervals={},
        ranges={name: (float(rows[name].min()), float(rows[name].max())) for name in "mnk"},
        rows=len(rows), pairs=len(rows[["n", "k"]].drop_duplicates()),
        measured_on=measured_on or parts[first].gpu.name, source=source,
    )  # fmt: skip
