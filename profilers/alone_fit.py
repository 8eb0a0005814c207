"""Calibrate a kind of work from its own rows, too few for pairs to spare: errors by folds, trees where folds gain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import uncertainty
from costmodel.estimators.boosted import pack
from costmodel.estimators.calibrated import observed
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration
from costmodel.record import Real
from profilers import pair_split, scores
from profilers.boosting import Growth, grow
from profilers.call import ROWS_TO_FIT
from profilers.constants_fit import complete, fit_constants
from profilers.measured_rows import of

Floats = NDArray[np.float64]


OWN_ROWS, OWN_PAIRS = 60, 15
"""Rows and pairs from which on they decide by themselves, other fits being where the search starts, and trees are
tried."""

FOLDS = 5
UNKNOWN_OFFSET = 0.5
"""Log offset for what one device's rows say of another: a factor of 1.65, a guess. Between an H100 and H200s, the same
chip, it holds 80 to 100 % of rows by kind."""

STAGES = ("spec", "few")

GROWTH = Growth(trees=150, depth=4, rate=0.1, ridge=3.0, huber=0.3, bins=32)
"""Of trees grown on some hundred rows."""

GAIN = 0.95
"""Trees are kept where folds err by less than this share of what they err without."""


@dataclass(frozen=True)
class _Folds:
    """Of each row the log error of a fit that did not see its pair, without and with trees (None where not tried)."""

    analytic: Floats
    residual: Floats | None


def alone(rows: pd.DataFrame, blank: Calibration, kind: Any, device: Gpu | Cpu, prior: Any = None) -> Calibration:
    """A calibration of one kind and backend from all of its rows, its errors from folds that each fit never saw.

    `blank` brings names, ranges and source, `prior` where constants start (the table's own if None). ValueError below
    ROWS_TO_FIT rows.
    """
    if len(rows) < ROWS_TO_FIT:
        raise ValueError(f"{device.name} {kind.math} has {len(rows)} rows, at least {ROWS_TO_FIT} are needed to fit it")
    fit, features, error = _fitted(rows, blank, kind, device, prior)
    folds = _by_folds(rows, blank, kind, device, prior)
    grown = folds.residual is not None and np.abs(folds.residual).mean() < GAIN * np.abs(folds.analytic).mean()
    left = folds.residual if grown and folds.residual is not None else folds.analytic
    if grown:
        trees = grow(features, error, pair_split.place(rows), GROWTH)
        fit = replace(fit, residual={"bias": pack(trees)})
    intervals: dict[str, Any] = {"edges_s": []}
    stated: dict[str, float] = {"rows": len(rows)}
    for stage, errors in (("analytic", folds.analytic), ("residual", left)):
        intervals |= _intervals(errors, stage)
        low, high = (intervals[f"{stage}_{side}"][0] for side in ("low", "high"))
        stated |= stated_errors(rows, errors, low, high, stage)
    for stage in STAGES:
        intervals |= {f"{stage}_low": [-UNKNOWN_OFFSET] * 2, f"{stage}_high": [UNKNOWN_OFFSET] * 2}
        intervals[f"{stage}_correlation"] = 1.0
    return replace(fit, intervals=intervals, held_out_error=stated)


def enough(rows: pd.DataFrame) -> bool:
    """Whether rows of one kind and backend can be fitted alone."""
    return len(rows) >= ROWS_TO_FIT


def decide(rows: pd.DataFrame) -> bool:
    """Whether rows of one kind and backend say more than other fits do."""
    return len(rows) >= OWN_ROWS and pair_split.count(rows) >= OWN_PAIRS


def _fitted(
    rows: pd.DataFrame, blank: Calibration, kind: Any, device: Gpu | Cpu, prior: Any
) -> tuple[Calibration, Floats, Floats]:
    """The fit to rows, what trees see of them, and the log error that it leaves."""
    table = of(rows)
    constants = complete(table.model, fit_constants(rows, kind, device, prior, starts=1))
    fit = replace(blank, constants=constants)
    return fit, *_left(rows, fit, kind, device)


def _left(rows: pd.DataFrame, fit: Calibration, kind: Any, device: Gpu | Cpu) -> tuple[Floats, Floats]:
    table = of(rows)
    sizes = table.sizes(rows)
    parts = table.model.terms(*sizes, kind, device, table.model.constants(**fit.constants))
    return observed(table.model, sizes, device, parts, fit), np.log(rows.latency_s.to_numpy() / parts.latency_s)


def _by_folds(rows: pd.DataFrame, blank: Calibration, kind: Any, device: Gpu | Cpu, prior: Any) -> _Folds:
    place = pair_split.place(rows)
    part = np.floor(place * FOLDS)
    analytic, residual = np.empty(len(rows)), np.empty(len(rows)) if decide(rows) else None
    for fold in np.unique(part):
        out = part == fold
        away, here = rows[~out], rows[out]
        if not len(away):
            start = complete(of(rows).model, vars(of(rows).prior if prior is None else prior))
            analytic[out] = _left(here, replace(blank, constants=start), kind, device)[1]
            if residual is not None:
                residual[out] = analytic[out]
            continue
        fit, features, error = _fitted(away, blank, kind, device, prior)
        seen, analytic[out] = _left(here, fit, kind, device)
        if residual is not None:
            trees = grow(features, error, place[~out], replace(GROWTH, seed=1 + int(fold)))
            residual[out] = analytic[out] - trees.predict(seen)
    return _Folds(analytic, residual)


def _intervals(errors: Floats, stage: str) -> Mapping[str, Any]:
    low, high = uncertainty.offsets(errors, np.zeros(len(errors), dtype=np.intp), 2)
    shared = float(np.clip(np.mean(errors) ** 2 / np.mean(errors**2), 0.1, 1.0))
    offsets = {f"{stage}_low": [round(x, 4) for x in low], f"{stage}_high": [round(x, 4) for x in high]}
    return offsets | {f"{stage}_correlation": round(shared, 4)}


def stated_errors(rows: pd.DataFrame, errors: Floats, low: Real, high: Real, stage: str) -> dict[str, float]:
    """What a calibration says of a stage's log errors on rows that no fit saw, with its log offsets for them."""
    predicted_s = rows.latency_s.to_numpy() * np.exp(-errors)
    done = rows.assign(predicted_s=predicted_s, low_s=predicted_s * np.exp(low), high_s=predicted_s * np.exp(high))
    return {f"{stage}_{name}": round(value, 5) for name, value in scores.score(done).items()}
