"""Board power and energy as well as they are known: fitted on the device, or carried by power limit and process."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from costmodel.estimators import gemm_kind, gpu_gemm, slow_cache
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.energy import MEMORY_J_PER_BYTE, mac_j
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_kind import KINDS
from costmodel.estimators.gpu_power import Activity, PowerConstants, activity, power_w
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.traffic import activation_bytes, kv_bytes, weight_bytes
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

CARRIED_OFFSET = 0.3
"""Log offset added to a carried interval, a factor of 1.35: a judgement. Carried from an H200 to an H100 and back, the
intervals hold 94 and 93 % of 48 and 43 products."""

DEQUANTISED_OFFSET = 0.83
"""Log offset that the upper end takes where weights are dequantised: with it 29 of 31 products of our own plain kernels
on an H200 drew less, which set it, and all 31 on an H100. Kernels of engines may draw less."""

HIGHEST_SHARE = 1.05
"""Share of its power limit that no board is told to exceed: 711 W of 700 were the most measured, of steady work."""

NARROW_PIPES = ("fp8", "fp6", "fp4", "int8", "int4")
"""Pipes that take the constants of an 8-bit product, others those of a 16-bit one."""

SAME_CIRCUITS = {"fp16": "bf16"}
"""Pipes whose operations the circuits of another do: tensor cores multiply both 16-bit formats."""

PRODUCTS = ("linear", "matmul")
"""Kinds of op whose energy was measured."""

SHORTEST_S = 1e-12
"""Time below which an op is no work of its own: what another's kernel does in passing."""


@dataclass(frozen=True)
class PowerPrediction:
    """Mean board power while an op runs, with its 90 % interval.

    `how` is calibrated, transferred by a few rows of the device, or transferred from what it names.
    """

    power_w: Real
    low_w: Real
    high_w: Real
    how: Real


def predict(
    op: Op, precision: Precision, gpu: Gpu, latency_s: Real, *, fits: Sequence[Calibration] | None = None
) -> PowerPrediction:
    """Power of an op, or of a batch, that takes `latency_s` for all its executions; arguments broadcast."""
    pipe = np.where(op.weight_elements > 0, precision.math_pipe, attention_pipe(precision, gpu))
    fits = calibrations("power") if fits is None else fits
    each_s = np.maximum(latency_s / op.executions, SHORTEST_S)
    each_s = _as_fitted(op, precision, gpu, each_s, fits)
    shape = np.broadcast_shapes(np.shape(pipe), np.shape(each_s))
    peak = gpu.peak_flops.of(np.broadcast_to(pipe, shape))
    busy = activity(
        flops=np.where(op.executed_macs > 0, 2.0 * op.executed_macs / op.executions, 0.0),
        weight_bytes=weight_bytes(op, precision) * op.weight_reads,
        stream_bytes=kv_bytes(op, precision) + activation_bytes(op, precision),
        latency_s=each_s,
        peak_flops_per_s=np.where(peak > 0, peak, np.inf),
        gpu=gpu,
    )
    weight, wide = precision.weight, precision.activation
    dequantised = (op.weight_elements > 0) & (weight.bits < wide.bits) & (wide.bits >= 16)
    return of_activity(busy, np.broadcast_to(pipe, shape), gpu, dequantised=dequantised, fits=fits)


def _as_fitted(op: Op, precision: Precision, gpu: Gpu, each_s: Real, fits: Sequence[Calibration]) -> Real:
    """The seconds of a product, by the constants that the device's fit of its power goes by where there is one.

    Software that is named keeps its own: its rates draw its power.
    """
    for fit in fits:
        if fit.device != gpu.name or not fit.goes_by or gpu.backend:
            continue
        kind = KINDS[fit.math]
        plain = (op.kind == "linear") & (op.b == 1) & (op.read_density == 1.0) & (precision.math_pipe == kind.pipe)
        own = gemm_kind.of(precision)
        at = plain & (own.math == fit.math) & gemm_kind.is_measured(own)
        constants = GemmConstants(**fit.goes_by)
        steady = gpu_gemm.terms(op.m, op.n, op.k, kind, *slow_cache.guarded(kind, gpu, constants))
        each_s = np.where(at, steady.latency_s, each_s)
    return each_s


def energy_j(op: Op, precision: Precision, gpu: Gpu, latency: Prediction) -> dict[str, Real]:
    """Columns `energy_j`, `energy_low_j`, `energy_high_j`, `energy_source`: power times latency of all executions.

    The log half-widths of both intervals add in quadrature, as of independent errors; where energy was measured, a
    scale of its own holds 90 % of it. While an op waits the board takes its idle power.
    """
    fits = calibrations("power")
    latency = _over(latency, 1.0 + op.waits)
    power = predict(op, precision, gpu, latency.latency_s, fits=fits)
    pipe = np.where(op.weight_elements > 0, precision.math_pipe, attention_pipe(precision, gpu))
    product = np.isin(op.kind, PRODUCTS)
    each_s = latency.latency_s / op.executions
    below, above = (np.where(product, x, 1.0) for x in energy_scales(pipe, each_s, latency.how, gpu, fits))
    low, middle, high = energy_of(power, latency, below=below, above=above)
    if np.any(op.waits):
        idle = of_activity(Activity(0.0, 0.0, 0.0), pipe, gpu, fits=fits)
        low = low + idle.low_w * latency.low_s * op.waits
        middle = middle + idle.power_w * latency.latency_s * op.waits
        high = high + idle.high_w * latency.high_s * op.waits
    return {"energy_j": middle, "energy_low_j": low, "energy_high_j": high, "energy_source": power.how}


def _over(latency: Prediction, by: Real) -> Prediction:
    """The seconds over a number."""
    return replace(latency, latency_s=latency.latency_s / by, low_s=latency.low_s / by, high_s=latency.high_s / by)


def energy_of(
    power: PowerPrediction, latency: Prediction, *, below: Real = 1.0, above: Real = 1.0
) -> tuple[Real, Real, Real]:
    """Low, middle and high energy: power times latency, log half-widths in quadrature times the two scales."""
    energy = np.asarray(power.power_w * latency.latency_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        low = below * np.hypot(np.log(power.power_w / power.low_w), np.log(latency.latency_s / latency.low_s))
        high = above * np.hypot(np.log(power.high_w / power.power_w), np.log(latency.high_s / latency.latency_s))
    return (
        np.where(energy > 0, energy * np.exp(-low), energy),
        energy,
        np.where(energy > 0, energy * np.exp(high), energy),
    )


def energy_scales(pipe: Real, latency_s: Real, how: Real, gpu: Gpu, fits: Sequence[Calibration]) -> tuple[Real, Real]:
    """What the joint half-widths below and above take so that they hold 90 % of measured energies, 1 where none tell.

    A fit of this pipe on this device tells, of latencies known as well as, and as long as, those it was found with.
    """
    pipe, latency_s, how = np.broadcast_arrays(np.asarray(pipe), latency_s, np.asarray(how))
    below, above = np.ones(pipe.shape), np.ones(pipe.shape)
    for name in sorted(set(pipe.ravel().tolist())):
        fit = donor(name, gpu, fits)
        known = str(fit.intervals.get("energy_latency", ""))
        if known and is_own(fit, name, gpu):
            told = (pipe == name) & (latency_s >= fit.intervals["energy_from_s"])
            told &= np.char.startswith(how.astype(str), known)
            below = np.where(told, fit.intervals["energy_low"], below)
            above = np.where(told, fit.intervals["energy_high"], above)
    return below, above


def of_activity(
    busy: Activity, pipe: Real, gpu: Gpu, *, dequantised: Real = False, fits: Sequence[Calibration] | None = None
) -> PowerPrediction:
    """Power at an activity whose operations run on the named pipe, or on an array of names.

    Of `dequantised` weights, whose conversion no fit counts, the upper end is higher and nothing is calibrated.
    """
    fits = calibrations("power") if fits is None else fits
    shape = np.broadcast_shapes(np.shape(pipe), *(np.shape(getattr(busy, f.name)) for f in fields(Activity)))
    dequantised = np.broadcast_to(np.asarray(dequantised, dtype=bool), shape)
    pipe = np.broadcast_to(np.asarray(pipe), shape)
    busy = Activity(*(np.broadcast_to(getattr(busy, f.name), shape) for f in fields(Activity)))
    found = [np.full(shape, np.nan) for _ in range(3)]
    how = np.full(shape, "", dtype=object)
    for name in sorted(set(pipe.ravel().tolist())):
        at = pipe == name
        part = Activity(*(getattr(busy, f.name)[at] for f in fields(Activity)))
        fit = donor(name, gpu, fits)
        middle, low, high = _interval(power_w(part, gpu, carried(fit, name, gpu)), fit, gpu, is_own(fit, name, gpu))
        for column, values in zip(found, (middle, low, high), strict=True):
            column[at] = values
        how[at] = fit.how if is_own(fit, name, gpu) else f"transferred (from {fit.device} {fit.math})"
        how[at & dequantised] = f"transferred (from {fit.device} {fit.math})"
    middle, low, high = (column[()] for column in found)
    high = np.where(dequantised, high * np.exp(DEQUANTISED_OFFSET), high)
    high = np.minimum(high, np.maximum(middle, HIGHEST_SHARE * gpu.power_w))[()]
    return PowerPrediction(middle, low, high, how.astype(str)[()])


def donor(pipe: str, gpu: Gpu, fits: Sequence[Calibration]) -> Calibration:
    """The fit whose constants serve a pipe on a device: of the same circuits, else of the same width of operands.

    Then the device's own, the user's, those whose rows decided all constants, those of more rows. ValueError where
    nothing is calibrated.
    """
    if not fits:
        raise ValueError("no device has calibrated power, so there is nothing to carry")
    narrow, circuits = pipe in NARROW_PIPES, SAME_CIRCUITS.get(pipe, pipe)

    def rank(fit: Calibration) -> tuple[bool | int, ...]:
        own = KINDS[fit.math].pipe
        return (
            SAME_CIRCUITS.get(own, own) != circuits, (own in NARROW_PIPES) != narrow, fit.device != gpu.name,
            not fit.users, fit.how != "calibrated", -fit.rows,
        )  # fmt: skip

    return min(fits, key=rank)


def is_own(fit: Calibration, pipe: str, gpu: Gpu) -> bool:
    """Whether a fit is of that pipe on that device."""
    return fit.device == gpu.name and KINDS[fit.math].pipe == pipe


def carried(fit: Calibration, pipe: str, gpu: Gpu) -> PowerConstants:
    """A fit's constants on another device or pipe: joules an operation by pipe and process node, a byte by memory kind.

    Idle power and ceiling keep their share of the limit. What the energy tables lack keeps its joules.
    """
    from costmodel.hardware import gpu as named

    c = PowerConstants(**fit.constants)
    if is_own(fit, pipe, gpu):
        return c
    source, own = named(fit.device), KINDS[fit.math].pipe
    limit = source.power_w / gpu.power_w
    peak = _ratio(gpu.peak_flops.of(pipe), source.peak_flops.of(own))
    each = _ratio(mac_j(pipe, gpu.process_m), mac_j(own, source.process_m))
    byte = _ratio(*(MEMORY_J_PER_BYTE.get(str(d.memory_kind), np.nan) for d in (gpu, source)))
    rate = _ratio(gpu.memory_bytes_per_s, source.memory_bytes_per_s)
    return PowerConstants(
        c.idle, c.math * limit * peak * each, c.dram * limit * rate * byte, c.l2 * limit * rate,
        c.math_exponent, c.dram_exponent, c.ceiling, c.sharpness,
    )  # fmt: skip


def _ratio(value: Real, reference: Real) -> float:
    """value / reference, 1 where either is not known."""
    ratio = float(value) / float(reference)
    return ratio if np.isfinite(ratio) and ratio > 0 else 1.0


def regime(power: Real, limit_w: Real, edges: Sequence[float]) -> Real:
    """The bin of a predicted power by its share of the limit."""
    return np.searchsorted(np.asarray(edges), power / limit_w)


def _interval(power: Real, fit: Calibration, gpu: Gpu, own: bool) -> tuple[Real, Real, Real]:
    at = regime(power, gpu.power_w, fit.intervals["edges"])
    wider = 0.0 if own else CARRIED_OFFSET
    low, high = (np.asarray(fit.intervals[f"analytic_{side}"])[at] for side in ("low", "high"))
    return power, power * np.exp(np.minimum(low, 0.0) - wider), power * np.exp(np.maximum(high, 0.0) + wider)
