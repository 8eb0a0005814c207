"""Roofline with the efficiencies, caches and launch cost that products were measured to have, for ops that were not.

Williams, Waterman, Patterson, doi 10.1145/1498765.1498785; bandwidth and L2 as in estimators/gpu_gemm.py, whose fitted
constants of bf16 products it takes: a kernel's launch and prologue, achieved shares of peak and of bandwidth. Nothing
but products was measured, so its interval is a judgement.
"""

from collections.abc import Sequence

import numpy as np

from costmodel.estimators import gpu_gemm, traffic
from costmodel.estimators.attention_pipe import products_on
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_latency import GEMM
from costmodel.estimators.overlap import miss
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.transfer import carried, mean_constants, of_device
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration, calibrations
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

FAMILY = "bfloat16"
"""Products whose constants it takes: measured on every calibrated device."""

SPREAD = 0.61
"""Log half width of the interval, a factor of 1.84 either way. On memory-bound bf16 products of three devices, weighted
alike, 90 % of log(measured / predicted) of this formula lie within -0.18 and 0.61 (make bench-accuracy)."""

MMA_N, MMA_K = 8.0, 16.0
"""Columns and depth of the smallest tensor instruction for 16-bit operands, to which narrower products are padded:
NVIDIA, PTX ISA 8.5, section 9.7.14, mma.m16n8k16."""


def predict(
    op: Op, precision: Precision, gpu: Gpu, *, because: str = "", fits: Sequence[Calibration] | None = None
) -> Prediction:
    """Predict one execution of each op; arguments broadcast. nan where the GPU lacks the pipe of its products."""
    fits = calibrations("gemm", gpu.backend) if fits is None else fits
    own = of_device(fits, gpu, FAMILY)
    c = mean_constants(GEMM, own) if own else carried(GEMM, FAMILY, gpu, fits)
    compute, memory = compute_s(op, precision, gpu, c), memory_s(op, precision, gpu, c)
    launch = op.launches * ((c.launch_cycles + c.tile_cycles) / gpu.clock_hz)
    parts = np.stack(np.broadcast_arrays(compute, memory, launch))
    latency_s = parts[2] + parts[:2].max(axis=0)
    bound = np.where(latency_s > 0, np.array(["compute", "memory", "latency"])[parts.argmax(axis=0)], "none")
    rates = f"constants of {FAMILY} {'' if own else 'carried to '}{gpu.name}"
    alone = f"fitted roofline ({because + '; ' if because else ''}{rates})"
    how = np.where(np.broadcast_to(op.launches, np.shape(latency_s)) > 0, alone, "fused (in the kernel before it)")
    factor = np.exp(SPREAD)
    outside = np.broadcast_to(op.launches, np.shape(latency_s)) > 0
    return Prediction(latency_s, latency_s / factor, latency_s * factor, bound, outside, how, 1.0)


def compute_s(op: Op, precision: Precision, gpu: Gpu, constants: GemmConstants) -> Real:
    """Time of the arithmetic of one execution: products on the faster of tensor and vector units, and the rest."""
    peak = gpu.peak_flops.of(products_on(op, precision, gpu))
    flops = 2.0 * op.executed_macs / op.executions
    padding = np.ceil(op.n / MMA_N) * MMA_N / op.n * np.ceil(op.k / MMA_K) * MMA_K / op.k
    rate = np.maximum(peak / padding, np.where(peak > 0, gpu.peak_flops.vector, np.nan))
    products_s = np.where(flops > 0, flops / rate, 0.0)
    return np.maximum(products_s, op.vector_flops / gpu.peak_flops.vector) / constants.compute_efficiency


def memory_s(op: Op, precision: Precision, gpu: Gpu, constants: GemmConstants) -> Real:
    """Time of the traffic of one execution; activations come from L2 where they fit, the op before has just used it."""
    weights = traffic.weight_bytes(op, precision) * op.weight_reads + traffic.kv_bytes(op, precision)
    read, written = traffic.stream_bytes(op, precision)
    streams = read + written
    missed = weights + streams * miss(np.maximum(streams, 1.0), gpu.l2_bytes * constants.l2_fraction)
    l2_bytes_per_s = gpu_gemm.l2_bytes_per_s(gpu, gpu.peak_flops.of(_pipe(gpu)), constants.l2_rate)
    dram_bytes_per_s = gpu.memory_bytes_per_s * constants.memory_efficiency
    return missed / dram_bytes_per_s + (weights + streams - missed) / l2_bytes_per_s


def _pipe(gpu: Gpu) -> str:
    """The pipe of 16-bit products, by which the rate of the L2 is known, or what is nearest to it."""
    return next(p for p in ("bf16", "fp16", "tf32", "fp32", "vector") if getattr(gpu.peak_flops, p) > 0)
