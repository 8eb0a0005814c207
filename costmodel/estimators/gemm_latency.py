"""The latency of matrix products as well as it is known: calibrated, carried from other devices, or by spec sheet."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.estimators import gpu_gemm, uncertainty
from costmodel.estimators.boosted import unpack
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_features import features
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_transfer import carried, donors, mean_constants
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.record import Real

LEVELS = ("auto", "transfer", "spec")

OTHER_FAMILY = (-0.31, 1.38)
"""Log offsets around a family predicted by the constants of its nearest other one on the same device: the 5th and 95th
percentile of log(measured / predicted) over 16 such pairs of families, weighted alike (make bench-accuracy)."""


def predict(
    m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu, *, backend: str = "", level: str = "auto",
    residual: bool = True, fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict (m, k) x (k, n) products of one kind on one device.

    `level` "auto" takes the device's calibration where it has one, "transfer" leaves out its fits of this kind and
    "spec" all of its fits. An unknown or empty backend takes all of the device's backends of that kind together.
    ValueError where the device lacks the pipe.
    """
    require("calibration level", level, LEVELS)
    if not gpu.peak_flops.of(kind.pipe) > 0:
        raise ValueError(f"{gpu.name} has no {kind.pipe} pipe, which {kind.math} needs")
    shape = np.broadcast_shapes(np.shape(m), np.shape(n), np.shape(k))
    m, n, k = (np.broadcast_to(np.asarray(x, dtype=np.float64), shape).reshape(-1) for x in (m, n, k))
    fits = calibrations("gemm") if fits is None else fits
    own = [fit for fit in fits if fit.device == gpu.name and fit.math == kind.math and level == "auto"]
    exact = [fit for fit in own if fit.backend == backend]
    if own:
        parts = [_calibrated(fit, m, n, k, kind, gpu, residual) for fit in exact or own]
        found = parts[0] if len(parts) == 1 else _pooled(parts)
        if not exact:
            names = ("pooled " if len(own) > 1 else "") + ", ".join(fit.backend for fit in own)
            found = replace(found, how=f"{found.how} ({names})")
    else:
        others = [fit for fit in fits if fit.device != gpu.name or (level != "spec" and fit.math != kind.math)]
        found = _carried(others, backend, m, n, k, kind, gpu)
    return found.reshape(shape)


def _calibrated(fit: Calibration, m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu, residual: bool) -> Prediction:
    parts = gpu_gemm.terms(m, n, k, kind, gpu, GemmConstants(**fit.constants))
    latency_s, stage = parts.latency_s, "analytic"
    spread: Real = 1.0
    if residual and fit.residual:
        bias, width = (unpack(fit.residual[part]) for part in ("bias", "spread"))
        seen = observed(m, n, k, gpu, parts, fit)
        codes = bias.codes(seen)
        shared = codes if np.array_equal(bias.edges, width.edges) else width.codes(seen)
        latency_s = latency_s * np.exp(bias.of_codes(codes))
        spread, stage = np.exp(width.of_codes(shared)), "residual"
    if fit.how != "calibrated":
        stage = "few"
    low, high = _factors(fit, stage, parts, spread)
    outside = _outside(fit, m, n, k)
    correlation = float(fit.intervals[f"{stage}_correlation"])
    bound = gpu_gemm.bound(parts)
    return Prediction(latency_s, latency_s * low, latency_s * high, bound, outside, fit.how, correlation)


def _carried(
    fits: Sequence[Calibration], backend: str, m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu
) -> Prediction:
    """The population's constants; either way the interval is as wide as the worst donor's error when left out."""
    known = any(fit.device == gpu.name for fit in fits)
    givers = donors(kind.math, gpu, fits, backend)
    parts = gpu_gemm.terms(m, n, k, kind, gpu, carried(kind.math, gpu, fits, backend))
    how = f"{'transferred' if known else 'spec'} (from {_devices(givers)})"
    return _by_donors(givers, parts, m, n, k, how)


def borrowed(
    m: Real, n: Real, k: Real, b: Real, kind: GemmKind, gpu: Gpu, *, because: str,
    fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict `b` products in one launch of a kind that nobody measured, by the constants of its family; flat arrays.

    The device's own fits of the family where there are any, else the population's; without the residual model. The
    interval is at least as wide as the errors of one family's constants on another, which all shapes share.
    """
    fits = calibrations("gemm") if fits is None else fits
    own = [fit for fit in fits if fit.device == gpu.name and fit.math == kind.math]
    givers = own or donors(kind.math, gpu, fits)
    constants = mean_constants(own) if own else carried(kind.math, gpu, fits)
    parts = gpu_gemm.terms(m, n, k, kind, gpu, constants, b)
    level = "transferred" if any(fit.device == gpu.name for fit in fits) else "spec"
    found = _by_donors(givers, parts, m, n, k, f"{level} ({because}; {kind.math} of {_devices(givers)})")
    low, high = np.exp(OTHER_FAMILY)
    low_s = np.minimum(found.low_s, found.latency_s * low)
    return replace(found, low_s=low_s, high_s=np.maximum(found.high_s, found.latency_s * high), correlation=1.0)


def _by_donors(
    givers: Sequence[Calibration], parts: gpu_gemm.GemmTerms, m: Real, n: Real, k: Real, how: str
) -> Prediction:
    spans = [_factors(fit, "spec", parts, 1.0) for fit in givers]
    high = np.max([np.maximum(high, 1.0 / low) for low, high in spans], axis=0)
    outside = np.all([_outside(fit, m, n, k) for fit in givers], axis=0)
    correlation = max(float(fit.intervals["spec_correlation"]) for fit in givers)
    latency_s, bound = parts.latency_s, gpu_gemm.bound(parts)
    return Prediction(latency_s, latency_s / high, latency_s * high, bound, outside, how, correlation)


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


def observed(m: Real, n: Real, k: Real, gpu: Gpu, parts: gpu_gemm.GemmTerms, fit: Calibration) -> NDArray[np.float64]:
    """The residual model's features: of the shape, and which of the kind's backends it is where there are several."""
    seen = features(m, n, k, float(gpu.sm_count), parts)
    if len(fit.backends) < 2:
        return seen
    flags = np.array([[float(fit.backend == name)] for name in fit.backends])
    return np.concatenate([seen, np.broadcast_to(flags, (len(fit.backends), seen.shape[1]))])


def _factors(fit: Calibration, stage: str, parts: gpu_gemm.GemmTerms, spread: Real) -> tuple[Real, Real]:
    strata = uncertainty.regime(parts.latency_s, parts.compute_s > parts.memory_s, fit.intervals["edges_s"])
    low, high = (np.asarray(fit.intervals[f"{stage}_{side}"])[strata] for side in ("low", "high"))
    return np.exp(np.minimum(low * spread, 0.0)), np.exp(np.maximum(high * spread, 0.0))


def _outside(fit: Calibration, m: Real, n: Real, k: Real) -> NDArray[np.bool_]:
    sizes = {"m": m, "n": n, "k": k}
    limits = {name: fit.ranges[name] for name in sizes}
    beyond = [(x < limits[name][0]) | (x > limits[name][1]) for name, x in sizes.items()]
    return np.asarray(np.any(beyond, axis=0))
