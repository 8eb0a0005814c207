"""Predictions as well as a latency is known: calibrated, carried from other devices, or by spec sheet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import UnknownNameError, require
from costmodel.estimators import cells, sibling, slow_cache, uncertainty
from costmodel.estimators.boosted import unpack
from costmodel.estimators.latency_model import LatencyModel, Terms, bound
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.transfer import carried, donors, lent_to, mean_constants, of_device, peers
from costmodel.hardware import Cpu, Gpu
from costmodel.hardware import gpu as named
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.record import Real

LEVELS = ("auto", "transfer", "spec")

UNMEASURED, UNMEASURED_FACTOR = "roofline (no such call measured)", 3.0
"""What is said of a roofline for what nobody measured on a device, and how far off it may be: a judgement."""

Sizes = tuple[NDArray[np.float64], ...]


def predict(
    model: LatencyModel, sizes: Sequence[Real], kind: Any, gpu: Gpu | Cpu, *, backend: str = "", level: str = "auto",
    residual: bool = True, fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict work of one kind and the model's `sizes`, which broadcast, on one device.

    `level` "auto" takes the device's calibration where it has one, "transfer" leaves out its fits of this kind and
    "spec" all of its fits. A backend not measured on it, or none, takes all of the device's backends of that kind
    together, in an interval wide enough for other software unless the fits are the user's. A kind whose sibling was
    measured where it was not itself is taken for that. A processor takes no other device's constants but the roofline.
    ValueError where the device lacks the pipe, or is of another kind than the model.
    """
    require("calibration level", level, LEVELS)
    if not gpu.peak_flops.of(kind.pipe) > 0:
        raise ValueError(f"{gpu.name} has no {kind.pipe} pipe, which {kind.math} needs")
    shape = np.broadcast_shapes(*(np.shape(x) for x in sizes))
    flat = tuple(np.broadcast_to(np.asarray(x, dtype=np.float64), shape).reshape(-1) for x in sizes)
    fits = calibrations(model.name, backend) if fits is None else fits
    own = [fit for fit in fits if fit.device == gpu.name and fit.math == kind.math and level == "auto"]
    exact = [fit for fit in own if fit.backend == backend]
    if own:
        parts = [_calibrated(model, fit, flat, kind, gpu, residual) for fit in exact or own]
        found = parts[0] if len(parts) == 1 else _pooled(parts)
        if not exact:
            names = ("pooled " if len(own) > 1 else "") + ", ".join(fit.backend for fit in own)
            found = replace(found, how=f"{found.how} ({names})")
            found = found if own[0].users else _of_other_software(found, model, kind.math)
    elif isinstance(gpu, Cpu):
        found = _roofline(model, flat, kind, gpu)
    elif lender := _sibling(model, kind.math, gpu, fits, level):
        found = predict(
            model, flat, replace(kind, math=lender), gpu,
            backend=backend, level="spec" if level == "spec" else "auto", residual=residual, fits=fits,
        )  # fmt: skip
        found = sibling.taken(found, kind.pipe)
    else:
        others = [fit for fit in fits if fit.device != gpu.name or (level != "spec" and fit.math != kind.math)]
        found = _carried(model, others, backend, flat, kind, gpu, residual)
    return found.reshape(shape)


def _sibling(model: LatencyModel, math: str, gpu: Gpu, fits: Sequence[Calibration], level: str) -> str:
    """The family that a kind is taken for where the device measured that one, or nobody this one; "" where neither."""
    found = model.siblings.get(math, "")
    near = level != "spec" and any((fit.device, fit.math) == (gpu.name, found) for fit in fits)
    return found if near or not any(fit.math == math for fit in lent_to(gpu, fits)) else ""


def unmeasured(latency_s: NDArray[np.float64], bounds: Real) -> Prediction:
    """Rooflines of calls whose like nobody measured on their device, UNMEASURED_FACTOR either way."""
    low_s, high_s = latency_s / UNMEASURED_FACTOR, latency_s * UNMEASURED_FACTOR
    return Prediction(latency_s, low_s, high_s, bounds, np.ones(len(latency_s), dtype=bool), UNMEASURED, 1.0)


def _roofline(model: LatencyModel, sizes: Sizes, kind: Any, device: Cpu) -> Prediction:
    if model.roofline is None:
        raise ValueError(f"{device.name} is a processor: its rows are of library calls, like linear_fp32")
    parts = model.roofline(*sizes, kind, device)
    return unmeasured(np.asarray(parts.latency_s), bound(parts))


def borrowed(
    model: LatencyModel, sizes: Sizes, kind: Any, gpu: Gpu, *, because: str,
    fits: Sequence[Calibration] | None = None, **more: Real,
) -> Prediction:  # fmt: skip
    """Predict a kind that nobody measured by the constants of its family; flat arrays, `more` goes to the terms.

    The device's own fits of the family where there are any, else the population's; no residual model. The interval is
    at least as wide as what one family's constants err on another.
    """
    fits = calibrations(model.name, gpu.backend) if fits is None else fits
    own = of_device(fits, gpu, kind.math)
    givers = own or donors(model, kind.math, gpu, fits, gpu.backend)
    constants = mean_constants(model, own) if own else carried(model, kind.math, gpu, fits, gpu.backend)
    gpu, constants = slow_cache.guarded(kind, gpu, constants)
    parts = model.terms(*sizes, kind, gpu, constants, **more)
    level = "transferred" if any(fit.device == gpu.name for fit in fits) else "spec"
    how = f"{level} ({because}; {kind.math} of {_devices(givers)})"
    others = () if own else peers(givers, fits)
    return _widened(_by_donors(model, givers, others, parts, sizes, how), model)


def _widened(found: Prediction, model: LatencyModel) -> Prediction:
    """With an interval at least as wide as the errors of unlike kernels, which all shapes share."""
    low, high = np.exp(model.unalike)
    low_s, high_s = np.minimum(found.low_s, found.latency_s * low), np.maximum(found.high_s, found.latency_s * high)
    return replace(found, low_s=low_s, high_s=high_s, correlation=1.0)


def _of_other_software(found: Prediction, model: LatencyModel, math: str) -> Prediction:
    """With room for software that differs from what was measured; what sets it apart, all shapes share.

    On top of the interval, not beside it: two or three backends cannot tell that both errors are independent, nor were
    devices left out by software that differs.
    """
    offsets = model.software.get(math, model.software.get(""))
    if offsets is None:
        return found
    low, high = np.exp(offsets)
    return replace(found, low_s=found.low_s * low, high_s=found.high_s * high, correlation=1.0)


def observed(model: LatencyModel, sizes: Sizes, gpu: Gpu | Cpu, parts: Terms, fit: Calibration) -> NDArray[np.float64]:
    """The residual model's features: of the shape, and which of the kind's backends it is where there are several."""
    seen = model.features(*sizes, float(gpu.sm_count if isinstance(gpu, Gpu) else gpu.cores), parts)
    if len(fit.backends) < 2:
        return seen
    flags = np.array([[float(fit.backend == name)] for name in fit.backends])
    return np.concatenate([seen, np.broadcast_to(flags, (len(fit.backends), seen.shape[1]))])


def _calibrated(
    model: LatencyModel, fit: Calibration, sizes: Sizes, kind: Any, gpu: Gpu | Cpu, residual: bool
) -> Prediction:
    gpu, constants = slow_cache.guarded(kind, gpu, model.constants(**fit.constants))
    parts = model.terms(*sizes, kind, gpu, constants)
    latency_s, stage = parts.latency_s, "analytic"
    spread: Real = 1.0
    if residual and fit.residual:
        bias, seen = unpack(fit.residual["bias"]), _seen(model, fit, sizes, kind, gpu, constants, parts)
        codes = bias.codes(seen)
        latency_s = latency_s * np.exp(bias.of_codes(codes))
        if "spread" in fit.residual:
            width = unpack(fit.residual["spread"])
            spread = np.exp(width.of_codes(codes if np.array_equal(bias.edges, width.edges) else width.codes(seen)))
        spread = spread * cells.scale(model, fit, sizes)
        stage = "residual"
    if fit.how != "calibrated":
        stage = "few"
    low, high = _factors(fit, stage, parts, spread)
    outside = _outside(model, fit, sizes) | cells.few(model, fit, sizes)
    correlation = float(fit.intervals[f"{stage}_correlation"])
    return Prediction(latency_s, latency_s * low, latency_s * high, bound(parts), outside, fit.how, correlation)


def _seen(
    model: LatencyModel, fit: Calibration, sizes: Sizes, kind: Any, gpu: Gpu | Cpu, constants: Any, parts: Terms
) -> NDArray[np.float64]:
    """What trees see: of a GPU that a what-if changed, as it is in the catalogue, as they know no other rates."""
    known = _as_known(gpu, kind.pipe)
    return observed(model, sizes, known, parts if known is gpu else model.terms(*sizes, kind, known, constants), fit)


def _as_known(gpu: Gpu | Cpu, pipe: str) -> Gpu | Cpu:
    """The catalogue's GPU of that name where what models read of it was changed."""
    if not isinstance(gpu, Gpu):
        return gpu
    try:
        known = named(gpu.name)
    except UnknownNameError:
        return gpu
    return gpu if _read(known, pipe) == _read(gpu, pipe) else known


def _read(gpu: Gpu, pipe: str) -> tuple[Real, ...]:
    peaks = gpu.peak_flops
    return (gpu.memory_bytes_per_s, gpu.l2_bytes, gpu.sm_count, gpu.clock_hz, peaks.of(pipe), peaks.vector)


def _carried(
    model: LatencyModel, fits: Sequence[Calibration], backend: str, sizes: Sizes, kind: Any, gpu: Gpu | Cpu,
    residual: bool,
) -> Prediction:  # fmt: skip
    """The population's constants; either way the interval is as wide as the worst donor's error when left out.

    Where the device has other kinds, it is no narrower than the middle one of theirs when left out.

    A kind that each backend writes itself tells little of another backend's kernels, or of unnamed ones. Of software
    that stands apart the trees come along, the mean of its devices': which kernels it picks is in them.
    """
    known = any(fit.device == gpu.name for fit in fits)
    givers = donors(model, kind.math, gpu, fits, backend)
    gpu, constants = slow_cache.guarded(kind, gpu, carried(model, kind.math, gpu, fits, backend))
    parts = model.terms(*sizes, kind, gpu, constants)
    how = f"{'transferred' if known else 'spec'} (from {_devices(givers)})"
    if residual and givers and all(fit.by_name and fit.residual for fit in givers):
        off = [
            unpack(fit.residual["bias"]).predict(_seen(model, fit, sizes, kind, gpu, constants, parts))
            for fit in givers
        ]
        parts = replace(parts, latency_s=parts.latency_s * np.exp(np.mean(off, axis=0)))
    found = _by_donors(model, givers, peers(givers, fits), parts, sizes, how)
    own = [float(fit.intervals["transfer_pooled"]) for fit in fits if _tells(fit, gpu)]
    found = _no_narrower(found, float(np.median(own))) if own else found
    alike = kind.math in model.library or {fit.backend for fit in givers} == {backend}
    return found if alike else _widened(_of_other_software(found, model, kind.math), model)


def _tells(fit: Calibration, gpu: Gpu | Cpu) -> bool:
    return fit.device == gpu.name and "transfer_pooled" in fit.intervals


def _no_narrower(found: Prediction, offset: float) -> Prediction:
    low_s, high_s = found.latency_s * np.exp(-offset), found.latency_s * np.exp(offset)
    return replace(found, low_s=np.minimum(found.low_s, low_s), high_s=np.maximum(found.high_s, high_s))


def _by_donors(
    model: LatencyModel, givers: Sequence[Calibration], others: Sequence[Calibration], parts: Terms, sizes: Sizes,
    how: str,
) -> Prediction:  # fmt: skip
    """A carried prediction within the worst error of its givers, and of `others` on their devices, when left out."""
    high = np.max([_left_out(fit, parts, pooled=bool(others)) for fit in others or givers], axis=0)
    outside = np.all([_outside(model, fit, sizes) for fit in givers], axis=0)
    correlation = max(float(fit.intervals["spec_correlation"]) for fit in others or givers)
    latency_s = parts.latency_s
    return Prediction(latency_s, latency_s / high, latency_s * high, bound(parts), outside, how, correlation)


def _left_out(fit: Calibration, parts: Terms, *, pooled: bool) -> NDArray[np.float64]:
    """The factor either way by which a device was off when it was left out: of each shape's stratum.

    `pooled` keeps it between what holds 90 and 95 % of all its rows: another device's worst stratum is not this one's.
    """
    low, high = _factors(fit, "spec", parts, 1.0)
    factor = np.maximum(high, 1.0 / low)
    if pooled and "spec_pooled" in fit.intervals:
        factor = np.clip(factor, *np.exp(fit.intervals["spec_pooled"]))
    return np.asarray(factor)


def _devices(fits: Sequence[Calibration]) -> str:
    return ", ".join(sorted({fit.device for fit in fits}))


def _pooled(parts: Sequence[Prediction]) -> Prediction:
    """One prediction for a backend not named: the geometric mean, within an interval that spans them all."""
    latency_s = np.exp(np.mean([np.log(p.latency_s) for p in parts], axis=0))
    low_s, high_s = np.min([p.low_s for p in parts], axis=0), np.max([p.high_s for p in parts], axis=0)
    outside = np.all([p.extrapolated for p in parts], axis=0)
    return Prediction(
        latency_s, low_s, high_s, parts[0].bound, outside, parts[0].how, max(p.correlation for p in parts)
    )


def _factors(fit: Calibration, stage: str, parts: Terms, spread: Real) -> tuple[Real, Real]:
    strata = uncertainty.regime(parts.latency_s, parts.compute_s > parts.memory_s, fit.intervals["edges_s"])
    low, high = (np.asarray(fit.intervals[f"{stage}_{side}"])[strata] for side in ("low", "high"))
    return np.exp(np.minimum(low * spread, 0.0)), np.exp(np.maximum(high * spread, 0.0))


def _outside(model: LatencyModel, fit: Calibration, sizes: Sizes) -> NDArray[np.bool_]:
    limits = [fit.ranges[name] for name in model.sizes]
    beyond = [(x < low) | (x > high) for x, (low, high) in zip(sizes, limits, strict=True)]
    return np.asarray(np.any(beyond, axis=0))
