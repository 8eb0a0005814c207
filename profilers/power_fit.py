"""Fit board power to measured rows of matrix products, and predict such rows.

Activity comes from the latency formula by constants that the fit keeps, so that no other fit of latency moves it; not
from the measured latency, which explains power worse: fp8_block rows of an
H200 read 75 us at any small size and 130 to 560 W, so that their power must be of replays without the host's pauses.
The loss is robust (soft L1 of the log error), because neighbours in shape read 135 W or 500 W, as if some runs had been
shorter than the power sensor's window. The analytic stage is therefore what a board draws in steady work; the trees add
which shapes read low in these rows, which is of use to predict such rows and no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares

from costmodel import hardware
from costmodel.estimators import gemm_kind, gpu_gemm, power_prediction, slow_cache, uncertainty
from costmodel.estimators.boosted import ObliviousTrees, pack, unpack
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_features import features
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_latency import GEMM, predict
from costmodel.estimators.gpu_power import Activity, PowerConstants, activity, power_w
from costmodel.estimators.power_prediction import PowerPrediction
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.transfer import carried, mean_constants
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations, shipped
from costmodel.record import Real
from profilers import energy_fit, measured_rows, pair_split, scores
from profilers.boosting import Growth, grow
from profilers.split_rows import Tell, untold

Floats = NDArray[np.float64]

NAMES = tuple(f.name for f in fields(PowerConstants))
START = (0.18, 0.9, 0.6, 0.3, 1.2, 1.2, 0.98, 20.0)
LEAST = (0.02, 0.01, 0.01, 0.001, 0.5, 0.5, 0.8, 4.0)
MOST = (0.5, 4.0, 3.0, 3.0, 2.5, 2.5, 1.05, 200.0)
SOFT = 0.05
"""Log error beyond which a row pulls only linearly."""

GROWTH = Growth(trees=400, depth=6, huber=0.3)
FEWEST_ROWS = 100

LEAST_TAU, SAME_TAU = 0.4, 0.05
"""Kendall's tau of held-out rows below which a fit is none, and how far it may lie below that of carried constants. The
committed fits have 0.58 and 0.69; twelve fits to rows that carried the power of other calls had -0.14 to 0.30."""


@dataclass(frozen=True)
class _Seen:
    """What a fit knows of the rows of one kind: their activity, the trees' features, and measured power."""

    busy: Activity
    features: Floats
    power_w: Floats


def check(rows: pd.DataFrame, tell: Tell = untold) -> pd.DataFrame:
    """Rows with their `power_w` as floats, nan where that is no finite number above 0; without it where none is of use.

    `tell` gets a line for power that is left out. ValueError in one line where it can only be another unit than watts.
    """
    if "power_w" not in rows.columns:
        return rows
    table = measured_rows.of(rows)
    if table.model is not GEMM:
        tell(f"power_w of {table.name} is left out: that of matrix products alone is modelled")
        return rows.drop(columns="power_w")
    power = pd.to_numeric(rows["power_w"], errors="coerce").astype(float)
    wrong = np.flatnonzero(~(np.isfinite(power) & (power > 0)))
    if len(wrong):
        first = f"{measured_rows.plain(rows['power_w'].iloc[wrong[0]])} in row {rows.index[wrong[0]]}"
        tell(
            f"{len(wrong):,} of {len(rows):,} rows have no power_w above 0 (first: {first}): their latency alone counts"
        )
    rows = rows.assign(power_w=power.where(np.isfinite(power) & (power > 0)))
    for name, part in rows.groupby("gpu"):
        limit, middle = hardware.processor(str(name)).power_w, part.power_w.median()
        if middle > 1.5 * limit:
            raise ValueError(f"power_w of {name} has a median of {middle:.4g}, its limit is {limit:g} W; is it in W?")
    return rows if rows.power_w.notna().any() else rows.drop(columns="power_w")


def are_enough(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of devices and kinds that have FEWEST_ROWS of them: fewer are no fit of all constants."""
    return rows.groupby(["gpu", "math"])["power_w"].transform("size") >= FEWEST_ROWS


def calibrate(rows: pd.DataFrame, *, measured_on: str, source: str, tell: Tell = untold) -> list[Calibration]:
    """One calibration a device and math of checked rows with `power_w`, with its errors on held-out pairs.

    One that hardly orders held-out rows, or does worse on them than constants carried from other fits, is left out,
    and `tell` gets a line: what it was fitted to may not be those rows' power.
    """
    found = []
    for (device, math), part in rows.groupby(["gpu", "math"], sort=True):
        if len(part) < FEWEST_ROWS:
            raise ValueError(f"{device} {math} has {len(part)} rows with power, at least {FEWEST_ROWS} are needed")
        gpu, kind = hardware.gpu(str(device)), gemm_kind.named(str(math))
        fit = _calibrated(part, kind, gpu, measured_on or gpu.name, source)
        worse = _no_better(fit, part[pair_split.held_out(part)], kind, gpu)
        if worse:
            tell(f"no power of {device} {math} is fitted: {worse}")
        else:
            found.append(fit)
    return found


def _no_better(fit: Calibration, test: pd.DataFrame, kind: GemmKind, gpu: Gpu) -> str:
    """What speaks against a fit beside the constants that would be carried without it, "" where nothing does."""
    if not len(test):
        return "none of its rows is of a held-out (n, k)"
    others = [f for f in calibrations("power") if (f.device, f.math) != (fit.device, fit.math)]
    if not others:
        return ""
    power = test.power_w.to_numpy(dtype=np.float64)
    own = scores.figures(power, _of_fit(test, kind, gpu, fit, residual=False)["predicted_w"])
    lent = scores.figures(power, _elsewhere(test, kind, gpu, others)["predicted_w"])
    least = max(LEAST_TAU, lent["kendall_tau"] - SAME_TAU)
    if not own["kendall_tau"] >= least:
        return f"Kendall's tau on held-out rows is {own['kendall_tau']:.2f}, {least:.2f} or more is needed"
    if own["median"] >= lent["median"]:
        return f"on held-out rows it errs by {own['median']:.1%} (median), carried constants by {lent['median']:.1%}"
    return ""


def validate(
    rows: pd.DataFrame, *, level: str = "auto", residual: bool = True, fits: Sequence[Calibration] | None = None
) -> pd.DataFrame:
    """Rows with `predicted_w, low_w, high_w, power_how`; the residual stage only where the device's own fit has one.

    `level` as for latency: transfer leaves out the device's fit of that math, spec all of its fits; rows for which no
    fit is left get none of these columns.
    """
    fits = calibrations("power") if fits is None else fits
    done = []
    for (device, math), part in rows.groupby(["gpu", "math"], sort=False):
        gpu, kind = hardware.gpu(str(device)), gemm_kind.named(str(math))
        left = [f for f in fits if level == "auto" or f.device != gpu.name or (level == "transfer" and f.math != math)]
        own = [f for f in left if (f.device, f.math, f.how) == (gpu.name, math, "calibrated")]
        columns = _of_fit(part, kind, gpu, own[0], residual) if own else _elsewhere(part, kind, gpu, left)
        done.append(part.assign(**columns))
    return pd.concat(done).loc[rows.index]


def _elsewhere(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, fits: Sequence[Calibration]) -> dict[str, Any]:
    """Power as `estimate` tells it, by few rows' fit or another kind's or device's, at the rows' predicted latency."""
    if not fits:
        return {}
    told = "predicted_s" in rows.columns
    busy = busy_of(rows, kind, gpu, rows["predicted_s"].to_numpy()) if told else _seen(rows, kind, gpu).busy
    unlike = kind.weight_only or kind.speedup != 1.0
    p = power_prediction.of_activity(busy, kind.pipe, gpu, dequantised=unlike, fits=fits)
    return {"predicted_w": p.power_w, "low_w": p.low_w, "high_w": p.high_w, "power_how": p.how}


def _of_fit(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, fit: Calibration, residual: bool) -> dict[str, Any]:
    seen = _seen(rows, kind, gpu, fit.goes_by)
    power, stage = power_w(seen.busy, gpu, PowerConstants(**fit.constants)), "analytic"
    if residual and fit.residual:
        power, stage = power * np.exp(unpack(fit.residual["bias"]).predict(seen.features)), "residual"
    at = power_prediction.regime(power, gpu.power_w, fit.intervals["edges"])
    low, high = (np.asarray(fit.intervals[f"{stage}_{side}"])[at] for side in ("low", "high"))
    return {
        "predicted_w": power, "low_w": power * np.exp(np.minimum(low, 0.0)),
        "high_w": power * np.exp(np.maximum(high, 0.0)), "power_how": "calibrated",
    }  # fmt: skip


def goes_by(kind: GemmKind, gpu: Gpu) -> dict[str, float]:
    """The latency constants that a fit of power of a kind takes: what came with this package says of the device."""
    fits = shipped(GEMM.name)
    own = [fit for fit in fits if (fit.device, fit.math) == (gpu.name, kind.math)]
    constants = mean_constants(GEMM, own) if own else carried(GEMM, str(kind.math), gpu, fits)
    return {name: float(f"{value:.6g}") for name, value in asdict(constants).items()}


def _seen(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, by: Mapping[str, float] | None = None) -> _Seen:
    """What a fit that goes `by` constants knows of rows."""
    m, n, k = (rows[name].to_numpy(dtype=np.float64) for name in "mnk")
    constants = GemmConstants(**(by or goes_by(kind, gpu)))
    steady = gpu_gemm.terms(m, n, k, kind, *slow_cache.guarded(kind, gpu, constants))
    busy = busy_of(rows, kind, gpu, steady.latency_s)
    parts = gpu_gemm.terms(m, n, k, kind, gpu, constants)
    rates = np.log(np.maximum(np.stack([busy.math, busy.dram, busy.l2]), 1e-6))
    columns = np.concatenate([features(m, n, k, float(gpu.sm_count), parts), rates, m[None]])
    return _Seen(busy, columns, rows.power_w.to_numpy(dtype=np.float64))


def busy_of(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, latency_s: Real) -> Activity:
    """The activity of each row's product where it takes `latency_s`."""
    m, n, k = (rows[name].to_numpy(dtype=np.float64) for name in "mnk")
    return activity(
        flops=2.0 * m * n * k,
        weight_bytes=n * k * kind.weight_bytes,
        stream_bytes=m * k * kind.activation_bytes + m * n * kind.output_bytes,
        latency_s=latency_s,
        peak_flops_per_s=gpu.peak_flops.of(kind.pipe),
        gpu=gpu,
    )


def _calibrated(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, measured_on: str, source: str) -> Calibration:
    out = pair_split.held_out(rows)
    fitted = rows[~out].reset_index(drop=True)
    by = goes_by(kind, gpu)
    seen = _seen(fitted, kind, gpu, by)
    constants = _fit(seen, gpu)
    bias = _trees(seen, power_w(seen.busy, gpu, constants), pair_split.place(fitted))
    fit = Calibration(
        model="power", device=gpu.name, math=kind.math, backend="",
        constants={name: float(f"{getattr(constants, name):.5g}") for name in NAMES},
        held_out_error={}, intervals=_intervals(fitted, seen, gpu),
        ranges={name: (float(rows[name].min()), float(rows[name].max())) for name in "mnk"},
        rows=len(fitted), pairs=len(fitted[["n", "k"]].drop_duplicates()), measured_on=measured_on, source=source,
        residual={"bias": pack(bias)}, goes_by=by,
    )  # fmt: skip
    fit = replace(fit, intervals={**fit.intervals, **energy_fit.scales(fitted, *_estimated(fitted, kind, gpu, fit))})
    return replace(fit, held_out_error=stated(rows[out], kind, gpu, fit)) if out.any() else fit


def _intervals(fitted: pd.DataFrame, seen: _Seen, gpu: Gpu) -> dict[str, Any]:
    """Offsets by bin of predicted power, from pairs that the model of the other folds did not see."""
    fold, pairs = pair_split.fold(fitted), pair_split.place(fitted)
    power = {stage: np.empty(len(fitted)) for stage in ("analytic", "residual")}
    for part in np.unique(fold):
        away, here = fold != part, fold == part
        base = power_w(seen.busy, gpu, _fit(_rows(seen, away), gpu))
        trees = _trees(_rows(seen, away), base[away], pairs[away])
        power["analytic"][here] = base[here]
        power["residual"][here] = base[here] * np.exp(trees.predict(seen.features[:, here]))
    edges = [float(f"{e:.3g}") for e in np.quantile(power["analytic"] / gpu.power_w, [0.25, 0.5, 0.75])]
    intervals: dict[str, Any] = {"edges": edges}
    for stage, predicted in power.items():
        at = power_prediction.regime(predicted, gpu.power_w, edges)
        low, high = uncertainty.offsets(np.log(seen.power_w / predicted), at, len(edges) + 1)
        intervals |= {f"{stage}_low": [round(x, 4) for x in low], f"{stage}_high": [round(x, 4) for x in high]}
    return intervals


def _trees(seen: _Seen, base_w: Floats, pairs: Floats) -> ObliviousTrees:
    return grow(seen.features, np.log(seen.power_w / base_w), pairs, GROWTH)


def stated(test: pd.DataFrame, kind: GemmKind, gpu: Gpu, fit: Calibration) -> dict[str, float]:
    """Errors and interval coverage on rows of held-out pairs, by stage."""
    found: dict[str, float] = {"rows": len(test)}
    for stage, residual in (("analytic", False), ("residual", True)):
        done = _of_fit(test, kind, gpu, fit, residual)
        error = scores.figures(test.power_w.to_numpy(dtype=np.float64), done["predicted_w"])
        inside = (done["low_w"] <= test.power_w) & (test.power_w <= done["high_w"])
        found |= {f"{stage}_{name}": round(value, 5) for name, value in error.items()}
        found[f"{stage}_coverage"] = round(float(inside.mean()), 4)
    energy = energy_fit.errors(test, *_estimated(test, kind, gpu, fit), kind.pipe, gpu, fit)
    return found | {f"energy_{name}": value for name, value in energy.items()}


def _estimated(rows: pd.DataFrame, kind: GemmKind, gpu: Gpu, fit: Calibration) -> tuple[Prediction, PowerPrediction]:
    """Latency and power of products as `estimate` gives them."""
    m, n, k = (rows[name].to_numpy(dtype=np.float64) for name in "mnk")
    latency = predict(m, n, k, kind, gpu)
    return latency, power_prediction.of_activity(
        busy_of(rows, kind, gpu, latency.latency_s), kind.pipe, gpu, fits=[fit]
    )


def _rows(seen: _Seen, at: NDArray[np.bool_]) -> _Seen:
    busy = Activity(*(getattr(seen.busy, f.name)[at] for f in fields(Activity)))
    return _Seen(busy, seen.features[:, at], seen.power_w[at])


def _fit(seen: _Seen, gpu: Gpu) -> PowerConstants:
    def error(x: Floats) -> Floats:
        return np.asarray(np.log(power_w(seen.busy, gpu, PowerConstants(*np.exp(x))) / seen.power_w))

    bounds = (np.log(LEAST), np.log(MOST))
    found = least_squares(error, np.log(START), loss="soft_l1", f_scale=SOFT, bounds=bounds, max_nfev=100)
    return PowerConstants(*(float(v) for v in np.exp(found.x)))
