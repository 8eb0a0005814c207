"""Few rows on a device that has shipped fits of their kind: one of those, trees and all, moved by one factor.

Thirty rows tell how far other software is off a fit to thousands, not which shapes it does better: moving constants
instead, without the trees, brought 30 rows of an L40S in bf16 from 6.4 to 11.8 % and those of an A100 from 4.5 to 8.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators.boosted import ObliviousTrees, pack, unpack
from costmodel.estimators.calibrated import predict
from costmodel.estimators.latency_model import LatencyModel
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Arrays, Calibration
from profilers import few_intervals, pair_split, scores
from profilers.alone_fit import FOLDS, stated_errors
from profilers.call import ROWS_TO_FIT
from profilers.few_intervals import LEAST, LENT_ROWS
from profilers.measured_rows import of
from profilers.split_rows import Tell

Floats = NDArray[np.float64]

CELLS = ("scale_", "count_")
"""How the names of what a fit knows of its cells begin."""

STAGES, STATED = ("analytic", "residual", "few", "spec"), ("analytic", "residual")

SHAPED = 2.0
"""Times the fit's own interval, up to which other software errs as it does, shape by shape: a judgement."""

TRIMMED = (0.1, 0.9)
"""Quantiles beyond which a row's error moves a fit no further: one row may be amiss."""


def nearest(
    rows: pd.DataFrame, blank: Calibration, kind: Any, gpu: Gpu | Cpu, shipped: Sequence[Calibration]
) -> Calibration:
    """Of the device's shipped fits, each moved, the one that errs least on rows by which it was not moved."""
    return min((_moved(rows, blank, kind, gpu, fit) for fit in shipped), key=_error)


def better(first: Calibration, other: Calibration) -> Calibration:
    """The other where it errs less by more than chance, some 1 / sqrt(rows) of it, on rows that neither saw.

    Nine rows and fewer decide nothing.
    """
    chance = 1.0 / np.sqrt(other.rows)
    return other if other.rows >= ROWS_TO_FIT and _error(other) < (1.0 - chance) * _error(first) else first


def kept(
    rows: pd.DataFrame, made: Calibration, kind: Any, gpu: Gpu | Cpu, shipped: Sequence[Calibration], tell: Tell
) -> bool:
    """Whether several shipped fits together, as software that nobody named has them, err less: then nothing is made."""
    if len(shipped) < 2:
        return False
    table = of(rows)
    found = predict(table.model, table.sizes(rows), kind, gpu, fits=shipped)
    together = scores.figures(rows.latency_s.to_numpy(), found.latency_s)["mape"]
    if together >= _error(made):
        return False
    names = ", ".join(fit.backend for fit in shipped)
    tell(
        f"no fit of {gpu.name} {kind.math} is made: its {len(rows)} rows err by {_error(made):.1%} by folds of one, by"
        f" {together:.1%} by the fits that bitfront brings ({names}) together, which stay"
    )
    return True


def start(rows: pd.DataFrame, fit: Calibration) -> Any:
    """The constants of a fit as a record, where a search for own ones begins."""
    return of(rows).model.constants(**fit.constants)


def _error(fit: Calibration) -> float:
    return fit.held_out_error["residual_mape"]


@dataclass(frozen=True)
class _Ends:
    """Log offsets of rows and by what they are to be scaled; `shaped` where they are the fit's own by shape."""

    low: Floats
    high: Floats
    scale: float
    shaped: bool


def _moved(rows: pd.DataFrame, blank: Calibration, kind: Any, gpu: Gpu | Cpu, fit: Calibration) -> Calibration:
    table = of(rows)
    sizes, plain = table.sizes(rows), replace(fit, how="calibrated")
    found = predict(table.model, sizes, kind, gpu, backend=fit.backend, fits=[plain])
    off = np.log(rows.latency_s.to_numpy() / found.latency_s)
    places = pair_split.place(rows)
    left = _left_by_folds(off, places, fit)
    low, high = np.log(found.low_s / found.latency_s), np.log(found.high_s / found.latency_s)
    ends = _ends(left, np.minimum(low, -LEAST), np.maximum(high, LEAST))
    parts = table.model.terms(*sizes, kind, gpu, table.model.constants(**fit.constants))
    seen = len(table.model.features(*sizes, 1.0, parts))
    residual = _residual(fit, seen, _factor_log(off, places, fit))
    ranges = {name: (min(a, fit.ranges[name][0]), max(b, fit.ranges[name][1])) for name, (a, b) in blank.ranges.items()}
    factors = _factors(table.model, kind, ends, len(rows))
    stated: dict[str, float] = {"rows": len(rows)}
    for stage in STATED:
        stated |= stated_errors(rows, left, factors[0] * ends.low, factors[1] * ends.high, stage)
    return replace(
        blank, constants=fit.constants, intervals=_intervals(fit, ends, factors, len(rows)), ranges=ranges,
        residual={name: trees for name, trees in residual.items() if ends.shaped or name == "bias"},
        held_out_error=stated, how="transferred",
    )  # fmt: skip


def _ends(left: Floats, low: Floats, high: Floats) -> _Ends:
    """The fit's ends scaled to hold these errors, to no less than its own rows needed; beyond SHAPED one for all."""
    scale = max(_scale(left, low, high), 1.0)
    if scale <= SHAPED:
        return _Ends(low, high, scale, shaped=True)
    low, high = (np.full(len(left), np.median(end)) for end in (low, high))
    return _Ends(low, high, max(_scale(left, low, high), 1.0), shaped=False)


def _scale(left: Floats, low: Floats, high: Floats) -> float:
    return few_intervals.scale(np.maximum(left / low, left / high))


def _factors(model: LatencyModel, kind: Any, ends: _Ends, rows: int) -> tuple[float, float]:
    """What either side is widened by: software that nobody measured may differ as long as rows are few."""
    low, high = model.software.get(kind.math, model.software.get("", (0.0, 0.0)))
    unknown = 1.0 - few_intervals.own_share(rows)
    room = (1.0 + unknown * x / float(np.median(end)) for x, end in ((low, ends.low), (high, ends.high)))
    below, above = (ends.scale * x for x in room)
    return below, above


def _intervals(fit: Calibration, ends: _Ends, factors: tuple[float, float], rows: int) -> dict[str, Any]:
    """Offsets of every stage alike: the fit's own by stratum, spread and cell where `shaped`, else one for all."""
    found: dict[str, Any] = {"edges_s": []}
    if ends.shaped:
        found = {name: x for name, x in fit.intervals.items() if name == "edges_s" or name.startswith(CELLS)}
    known, shared = few_intervals.own_share(rows), float(fit.intervals["residual_correlation"])
    for stage in STAGES:
        for side, factor, end in (("low", factors[0], ends.low), ("high", factors[1], ends.high)):
            own = fit.intervals[f"residual_{side}"] if ends.shaped else end[:1].repeat(2)
            found[f"{stage}_{side}"] = [round(float(factor * x), 4) for x in own]
        found[f"{stage}_correlation"] = round(known * shared + (1.0 - known), 4)
    return found


def _factor_log(off: Floats, places: Floats, fit: Calibration) -> float:
    """The log factor that rows move a fit by: their mean error, drawn to zero as two of its standard errors say.

    Errors scatter as the fit's own do, to the weight of LENT_ROWS, and as these do; those of one pair are alike.
    """
    lent = fit.held_out_error["residual_mape"] ** 2
    mean = float(np.clip(off, *np.quantile(off, TRIMMED)).mean())
    variance = (LENT_ROWS * lent + float(np.sum((off - mean) ** 2))) / (LENT_ROWS + len(off)) / len(np.unique(places))
    return mean * mean**2 / (mean**2 + 4.0 * variance)


def _left_by_folds(off: Floats, places: Floats, fit: Calibration) -> Floats:
    """Of each row the error that a factor leaves which did not see its pair, none where that leaves no other row."""
    part = np.floor(places * FOLDS)
    left = off.copy()
    for fold in np.unique(part):
        out = part == fold
        if not out.all():
            left[out] -= _factor_log(off[~out], places[~out], fit)
    return left


def _residual(fit: Calibration, features: int, shift: float) -> dict[str, Arrays]:
    """The fit's trees, of its own backend alone, their sum moved by `shift`: one tree says it where there are none."""
    flags = [float(fit.backend == name) for name in fit.backends] if len(fit.backends) > 1 else []
    parts = {name: unpack(arrays).knowing(flags) for name, arrays in fit.residual.items()}
    bias = parts.pop("bias", ObliviousTrees.constant(features))
    return {name: pack(trees) for name, trees in {"bias": bias.moved(shift), **parts}.items()}
