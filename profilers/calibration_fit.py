"""Make calibrations from a table of measured rows: constants, residuals, intervals, stated errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel import hardware
from costmodel.estimators import cells, uncertainty
from costmodel.estimators.calibrated import predict
from costmodel.estimators.transfer import carried, donors, mean_constants, of_device, peers
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware.calibration import Calibration, brought, shipped
from profilers import alone_fit, apart_fit, cell_scales, error_tables, few_intervals, moved_fit, pair_split, scores
from profilers.constants_fit import complete, fit_constants
from profilers.measured_rows import of, roofline_s
from profilers.residual_fit import Residual, grow_residual, seen
from profilers.split_rows import Tell, untold

Floats = NDArray[np.float64]

FEW_ROWS, FEW_PAIRS = 400, 20
"""Below either, another device's constants decide as much as the rows, and no residual model is grown."""

FEWEST_ROWS = 30
"""Rows that each backend must have to fit to where its kind is fitted by itself."""

ADAPTED_ROWS, ADAPTED_SEEDS = 30, 5
"""The few rows, and how often they are drawn, on which the interval of an adapted calibration is measured."""

POOLED = (0.90, 0.95)
"""Shares of a left-out device's rows that its pooled offsets hold: between them an interval goes by stratum."""


@dataclass(frozen=True)
class Labels:
    """What a calibration says of its rows: where they were measured (the device itself where empty) and by whom.

    `by_name`: it answers only where its backend is named.
    """

    measured_on: str = ""
    source: str = "measured by the user"
    by_name: bool = False


def calibrate_all(
    rows: pd.DataFrame, known: Sequence[Calibration], labels: Labels,
    progress: Callable[[int, int], None] | None = None, tell: Tell = untold,
) -> list[Calibration]:  # fmt: skip
    """Calibrations of every gpu and math in checked rows; `known` are other devices' calibrations.

    Test pairs (profilers/pair_split.py) are used for the stated errors alone. `progress` is told (steps done, of): one
    for each kind on each device, and one for all intervals and stated errors; `tell` gets a line where shipped fits
    stay. What has too few rows comes last, as fits without a `how`.
    """
    fits: list[Calibration] = []
    errors: dict[str, Residual] = {}
    groups = list(rows.groupby(["gpu", "math"], sort=True))
    step_done = progress or (lambda _done, _steps: None)
    for step, ((device, math), part) in enumerate(groups):
        step_done(step, len(groups) + 1)
        gpu, kind = hardware.processor(str(device)), of(rows).model.named(str(math))
        others = [fit for fit in known if fit.device != device]
        if enough(part):
            made, left = _measured(part, kind, gpu, labels)
            fits += made
            errors[f"{device} {math}"] = left
        else:
            few = (_few(own, kind, gpu, others, labels, tell) for _, own in part.groupby("backend"))
            fits += [fit for fit in few if fit]
    fits, lacking = [fit for fit in fits if fit.how], [fit for fit in fits if not fit.how]
    step_done(len(groups), len(groups) + 1)
    every = [*fits, *(fit for fit in known if fit.device not in {f.device for f in fits})]
    done = [_finished(fit, rows, every, errors) if not fit.intervals else fit for fit in fits]
    return (done if labels.by_name else [_or_moved(fit, rows, labels, tell) for fit in done]) + lacking


def _or_moved(fit: Calibration, rows: pd.DataFrame, labels: Labels, tell: Tell) -> Calibration:
    """The fit to one backend's many rows, or a shipped one moved by them where that errs less on their test pairs."""
    table, gpu = of(rows), hardware.processor(fit.device)
    kind = table.model.named(fit.math)
    near = of_device(brought(table.model.name, fit.backend), gpu, fit.math)
    rows = rows[(rows.gpu == fit.device) & (rows.math == fit.math)].reset_index(drop=True)
    out = pair_split.held_out(rows)
    if not near or fit.by_folds or len(fit.backends) != 1 or not out.any():
        return fit
    blank = replace(_blank(rows[~out], kind, gpu, labels), backend=fit.backend, backend_version=fit.backend_version)
    moved = moved_fit.nearest(rows[~out].reset_index(drop=True), blank, kind, gpu, near)
    moved = replace(moved, held_out_error=stated(rows[out], kind, gpu, moved))
    if moved_fit.better(fit, moved) is moved:
        errors = [f"{one.held_out_error['residual_mape']:.1%}" for one in (fit, moved)]
        tell(
            f"{gpu.name} {kind.math}: {fit.rows:,} rows alone err by {errors[0]} on their held-out pairs, what"
            f" bitfront brings, moved by them, by {errors[1]}: that is kept"
        )
        return moved
    return fit


def enough(rows: pd.DataFrame) -> bool:
    """Whether rows of one kind carry a calibration of their own."""
    fitted = rows[~pair_split.held_out(rows)]
    return len(fitted) >= FEW_ROWS and pair_split.count(fitted) >= FEW_PAIRS


def _few(
    rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, known: Sequence[Calibration], labels: Labels, tell: Tell
) -> Calibration | None:
    """A calibration from few rows: leaning on other fits where any measured the kind and the rows do not decide.

    None where shipped fits stay, one without a `how` where the rows are too few for any.
    """
    table, backend = of(rows), str(rows.backend.iloc[0])
    known = [fit for fit in known if backend == fit.backend or not fit.by_name]
    lends = table.carries and (neighbours(rows, kind, gpu) or donors(table.model, kind.math, gpu, known, backend))
    version = ", ".join(sorted(rows.backend_version.unique()))
    blank = replace(_blank(rows, kind, gpu, labels), backend=backend, backend_version=version)
    if near := () if labels.by_name else of_device(brought(table.model.name, backend), gpu, kind.math):
        made = moved_fit.nearest(rows, blank, kind, gpu, near)
        if alone_fit.decide(rows) or (alone_fit.enough(rows) and not lends):
            made = moved_fit.better(made, alone_fit.alone(rows, blank, kind, gpu, moved_fit.start(rows, made)))
        elif lends:
            made = moved_fit.better(made, adapt(rows, kind, gpu, known, labels))
        return None if moved_fit.kept(rows, made, kind, gpu, near, tell) else made
    apart = apart_fit.giver(rows, kind, gpu, known)
    if apart:
        lent = apart_fit.taken(rows, blank, kind, gpu, apart)
        many = alone_fit.decide(rows)
        return (
            apart_fit.better(lent, alone_fit.alone(rows, blank, kind, gpu, apart_fit.start(rows, apart)))
            if many
            else lent
        )
    if lends and not alone_fit.decide(rows):
        return adapt(rows, kind, gpu, known, labels)
    if not alone_fit.enough(rows):
        return replace(blank, how="")
    return alone_fit.alone(rows, blank, kind, gpu, _lent(rows, kind, gpu, known) if lends else None)


def _lent(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, known: Sequence[Calibration]) -> Any:
    """Constants to start from: the mean of the device's other backends where there are any, else carried ones."""
    model, near = of(rows).model, neighbours(rows, kind, gpu)
    backend = str(rows.backend.iloc[0])
    return mean_constants(model, near) if near else carried(model, kind.math, gpu, known, backend)


def neighbours(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu) -> list[Calibration]:
    """The shipped fits of this kind on this device, of other backends.

    Leaning on them rather than on other devices took 30 rows of an H100 from 7.4 to 6.5 % in bf16 and from 18 to 12 %
    in fp8, on pairs that the fits saw.
    """
    fits = shipped(of(rows).model.name)
    return [f for f in fits if (f.device, f.math) == (gpu.name, kind.math) and f.backend != rows.backend.iloc[0]]


def adapt(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, known: Sequence[Calibration], labels: Labels) -> Calibration:
    """A calibration from few rows of one backend: others' constants, moved as far as the rows insist.

    Those of the device's other backends where there are any, else carried ones.
    """
    backend = str(rows.backend.iloc[0])
    model, near = of(rows).model, neighbours(rows, kind, gpu)
    givers: Sequence[Calibration] = near or donors(model, kind.math, gpu, known, backend)
    others = () if near else peers(givers, known)
    prior = _lent(rows, kind, gpu, known)
    constants = complete(model, fit_constants(rows, kind, gpu, prior, starts=1, firm=True))
    intervals, stated = few_intervals.intervals(rows, kind, gpu, prior, givers, others)
    blank = _blank(rows, kind, gpu, labels)
    return replace(
        blank, backend=backend, constants=constants, intervals=intervals, held_out_error=stated, how="transferred"
    )


def _measured(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, labels: Labels) -> tuple[list[Calibration], Residual]:
    """One fit a backend, and the residual model that a kind's backends share."""
    fitted = rows[~pair_split.held_out(rows)].reset_index(drop=True)
    backends = tuple(sorted(rows.backend.unique()))
    fits = {}
    for backend in backends:
        own = fitted[fitted.backend == backend]
        if len(own) < FEWEST_ROWS:
            raise ValueError(
                f"backend {backend!r} has {len(own)} rows of {gpu.name} {kind.math} to fit to, at least {FEWEST_ROWS}"
                " are needed beside backends with more; measure more or leave them out"
            )
        blank = _blank(own, kind, gpu, labels)
        version = ", ".join(sorted(own.backend_version.unique()))
        constants = complete(of(rows).model, fit_constants(own, kind, gpu))
        fits[backend] = replace(blank, backend=backend, backend_version=version, backends=backends, constants=constants)
    left = grow_residual(fitted, *seen(fitted, kind, gpu, fits))
    return [replace(fit, residual=left.arrays) for fit in fits.values()], left


def _blank(rows: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, labels: Labels) -> Calibration:
    table = of(rows)
    ranges = {
        name: (float(size.min()), float(size.max()))
        for name, size in zip(table.model.sizes, table.sizes(rows), strict=True)
    }
    return Calibration(
        model=table.model.name, device=gpu.name, math=kind.math, backend="", constants={}, held_out_error={},
        intervals={}, ranges=ranges, rows=len(rows), pairs=pair_split.count(rows),
        measured_on=labels.measured_on or gpu.name, source=labels.source, by_name=labels.by_name,
    )  # fmt: skip


def _finished(
    fit: Calibration, rows: pd.DataFrame, every: Sequence[Calibration], errors: dict[str, Residual]
) -> Calibration:
    """The fit with its intervals and the errors on test pairs."""
    gpu, kind = hardware.processor(fit.device), of(rows).model.named(fit.math)
    rows = rows[(rows.gpu == fit.device) & (rows.math == fit.math)]
    fitted = rows[~pair_split.held_out(rows)].reset_index(drop=True)
    at = (fitted.backend == fit.backend).to_numpy()
    left = errors[f"{fit.device} {fit.math}"]
    own = fitted[at]
    intervals = _own_intervals(own, kind, gpu, fit, left.left[at], left.spread[at])
    intervals |= _carried_intervals(own, kind, gpu, fit, every, intervals)
    fit = replace(fit, intervals=intervals)
    test = rows[pair_split.held_out(rows) & (rows.backend == fit.backend)]
    return replace(fit, held_out_error=stated(test, kind, gpu, fit) if len(test) else {})


def _own_intervals(
    own: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, fit: Calibration, left: Floats, spread: Floats
) -> dict[str, Any]:
    table, sizes = of(own), of(own).sizes(own)
    parts = table.model.terms(*sizes, kind, gpu, table.model.constants(**fit.constants))
    measured_s = own.latency_s.to_numpy()
    edges = error_tables.edges_s(parts.latency_s)
    strata = uncertainty.regime(parts.latency_s, parts.compute_s > parts.memory_s, edges)
    intervals: dict[str, Any] = {"edges_s": edges}
    corrected_s = measured_s / np.exp(left)
    folds = {"analytic": None, "residual": pair_split.fold(own)}
    for stage, predicted_s, scale in (("analytic", parts.latency_s, 1.0), ("residual", corrected_s, spread)):
        error = np.log(measured_s / predicted_s)
        intervals |= error_tables.table(error / scale, strata, edges, stage)
        offsets = [np.asarray(intervals[f"{stage}_{side}"])[strata] for side in ("low", "high")]
        if stage == "residual":
            intervals |= cell_scales.scales(own, error / scale, *offsets)
            offsets = [x * cells.scale(table.model, replace(fit, intervals=intervals), sizes) for x in offsets]
        low, high = (np.exp(offset * scale) for offset in offsets)
        rho = error_tables.correlation(own, predicted_s, predicted_s * low, predicted_s * high, fold=folds[stage])
        intervals[f"{stage}_correlation"] = rho
    return intervals


def _carried_intervals(
    own: pd.DataFrame,
    kind: Any,
    gpu: Gpu | Cpu,
    fit: Calibration,
    every: Sequence[Calibration],
    intervals: dict[str, Any],
) -> dict[str, Any]:
    """Errors of predicting this device from the others: by spec sheet alone, and adapted to ADAPTED_ROWS.

    `spec_pooled` holds POOLED of their sizes over all strata, `transfer_pooled` the first of them where the device's
    other kinds help.
    """
    others = [o for o in every if o.device != fit.device and (fit.backend == o.backend or not o.by_name)]
    edges = intervals["edges_s"]
    model, sizes = of(own).model, of(own).sizes(own)
    if not donors(model, fit.math, gpu, others, fit.backend):
        wide = [alone_fit.UNKNOWN_OFFSET] * (2 * len(edges) + 2)
        return {f"{stage}_{name}": value for stage in ("spec", "few") for name, value in (
            ("low", [-x for x in wide]), ("high", wide), ("correlation", 1.0))}  # fmt: skip
    prior = carried(model, fit.math, gpu, others, fit.backend)
    tries = {"spec": [prior], "few": []}
    for seed in range(ADAPTED_SEEDS):
        few = own.sample(min(ADAPTED_ROWS, len(own)), random_state=seed)
        tries["few"].append(model.constants(**fit_constants(few, kind, gpu, prior, starts=1, firm=True)))
    found: dict[str, Any] = {}
    for stage, constants in tries.items():
        parts = [model.terms(*sizes, kind, gpu, c) for c in constants]
        error = np.concatenate([np.log(own.latency_s.to_numpy() / p.latency_s) for p in parts])
        strata = np.concatenate([uncertainty.regime(p.latency_s, p.compute_s > p.memory_s, edges) for p in parts])
        found |= error_tables.table(error, strata, edges, stage)
        at = strata[: len(own)]
        low, high = (parts[0].latency_s * np.exp(np.asarray(found[f"{stage}_{s}"])[at]) for s in ("low", "high"))
        found[f"{stage}_correlation"] = error_tables.correlation(own, parts[0].latency_s, low, high)
    kinds = [o for o in every if o.device == fit.device and o.math != fit.math and o.by_name == fit.by_name]
    helped = carried(model, fit.math, gpu, [*others, *kinds], fit.backend)
    for name, constants, shares in (("spec", prior, POOLED), ("transfer", helped, POOLED[:1])):
        off = np.abs(np.log(own.latency_s.to_numpy() / model.terms(*sizes, kind, gpu, constants).latency_s))
        ends = [round(float(end), 4) for end in np.quantile(off, shares)]
        found[f"{name}_pooled"] = ends if len(ends) > 1 else ends[0]
    return found


def stated(test: pd.DataFrame, kind: Any, gpu: Gpu | Cpu, fit: Calibration) -> dict[str, float]:
    """Errors on test pairs: of the plain roofline and of both stages, with their intervals' coverage and width."""
    measured_s = test.latency_s.to_numpy()
    table = of(test)
    sizes = table.sizes(test)
    roofline = scores.figures(measured_s, roofline_s(test, gpu, fit.math))
    found = {"rows": len(test), "roofline_mape": roofline["mape"]}
    for stage, residual in (("analytic", False), ("residual", True)):
        p = predict(table.model, sizes, kind, gpu, backend=fit.backend, residual=residual, fits=[fit])
        done = test.assign(predicted_s=p.latency_s, low_s=p.low_s, high_s=p.high_s)
        for name, value in scores.score(done).items():
            found[f"{stage}_{name}"] = round(value, 4 if name in ("coverage", "width") else 5)
    return found
