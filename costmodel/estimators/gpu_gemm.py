"""Latency of a matrix product on a GPU: tiles, waves, split-K, DRAM, L2 and fixed costs, in 11 to 13 constants.

Constants are ratios to the spec sheet (peak, bandwidth, L2, clock), so that they carry to another device:
- an SM works through a tile's k loop at the slowest of arithmetic, operand supply and the smallest efficient tile;
- the tiles of a menu, each with and without split-K, compete and the fastest wins;
- operands that fit the L2 skip DRAM; arithmetic and memory overlap, better the longer the kernel runs;
- launch, tile prologue and split-K reduction cost clock cycles.
After Williams, Waterman, Patterson, doi 10.1145/1498765.1498785 (roofline), and Osama et al., Stream-K, arXiv
2301.03598 (tile and wave quantisation, split-K). The shape of each term was chosen on the rows that profilers/fit.py
fits: rates of L2 and of an SM's operand supply follow the arithmetic rate of an SM from A100 through L40S to H100.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.estimators import vector_units
from costmodel.estimators.chunks import in_chunks
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.latency_model import Terms
from costmodel.estimators.overlap import OVERLAP_CYCLES, miss, overlapped_s
from costmodel.hardware import Gpu
from costmodel.record import Real

TILES = ((16, 32), (16, 64), (32, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 128))
"""Output tiles (m, n) that compete; a longer menu changed the error by less than 0.2 points."""

TILE_M = np.array([tile[0] for tile in TILES], dtype=np.float64)
TILE_N = np.array([tile[1] for tile in TILES], dtype=np.float64)

OPERANDS_PER_CLOCK = 64.0
"""Bytes a clock that one SM takes from L2 where `sm_rate` is 1 and the SM multiplies 4096 flop a clock."""

FLOPS_PER_CLOCK = 4096.0
"""Flop a clock of one SM to which `sm_rate` and `l2_rate` refer: a Hopper SM in bf16."""

FLOOR_TILE = 64 * 64
"""Elements of the tile below which, times `mma_floor`, a k step gets no faster."""

VECTOR_FLOOR_TILE = 32 * 64
"""The same of vector units, whose products of one row are no tiles but dot products: the fit to fp32 rows of an H100
has a `mma_floor` of 0.6, that of bf16 ones 1.1 (calibrations/h100_sxm_torch_gemm.toml)."""

WEIGHT_COPIES = 5.0
"""Weights between two uses of the same ones, as copies of this layer's: the rows fitted cycle over five."""

MEASURED_BYTES = 2.0
"""Bytes of the widest operands measured. Those of fp32 and tf32 have slow pipes, by which the rate of the L2 would fall
below the memory's: there it is the memory's at least, so that more cache is never slower."""

SPLIT_STEP, SPLIT_MOST = 256.0, 64.0
"""Split-K leaves every slice at least this many k, and makes at most so many slices."""

QUANTISED_FROM_BYTES = 2.0
"""Bytes of an activation that is quantised before the product."""

PARTIAL_BYTES = 4.0
"""Bytes of a partial sum that split-K writes and reads."""


@dataclass(frozen=True)
class GemmTerms(Terms):
    """The parts of a prediction; `tile` indexes TILES, `runner_up` is the second-best tile's time over the best's."""

    tile: Real
    runner_up: Real


def latency_s(m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu, constants: GemmConstants, b: Real = 1.0) -> Real:
    """Seconds of `b` (m, k) x (k, n) products in one launch; all broadcast. nan where the GPU lacks the kind's pipe."""
    return in_chunks(lambda *row: _latency(*_parts(*row)), _inputs(m, n, k, b, kind, gpu, constants))


def terms(m: Real, n: Real, k: Real, kind: GemmKind, gpu: Gpu, constants: GemmConstants, b: Real = 1.0) -> GemmTerms:
    """The same prediction with its parts: what the residual model and the name of the bound need."""
    columns = in_chunks(_terms, _inputs(m, n, k, b, kind, gpu, constants))
    return GemmTerms(*columns)


def _terms(*row: Any) -> Any:
    tile_s, memory_s, fixed_s, *_ = parts = _parts(*row)
    first, second = np.partition(tile_s, 1, axis=0)[:2]
    columns = (_latency(*parts), first, memory_s, fixed_s, tile_s.argmin(axis=0), second / first)
    return np.stack(np.broadcast_arrays(*columns))


def _latency(tile_s: Real, memory_s: Real, fixed_s: Real, sharpness: Real, patience_s: Real) -> Real:
    return fixed_s + overlapped_s(tile_s.min(axis=0), memory_s, sharpness, patience_s)


def l2_bytes_per_s(gpu: Gpu, flops_per_s: Real, l2_rate: Real) -> Real:
    """Rate of the L2: it grows with the root of what an SM multiplies in a clock, of all SMs `flops_per_s`."""
    per_clock = flops_per_s / (gpu.sm_count * gpu.clock_hz) / FLOPS_PER_CLOCK
    return gpu.sm_count * gpu.clock_hz * OPERANDS_PER_CLOCK * np.sqrt(per_clock) * l2_rate


def _inputs(m: Real, n: Real, k: Real, b: Real, kind: GemmKind, gpu: Gpu, constants: GemmConstants) -> tuple[Real, ...]:
    """What the formula needs of its records, in the order of `_parts`."""
    c, clock, sms = constants, gpu.clock_hz, gpu.sm_count
    peak = gpu.peak_flops.of(kind.pipe)
    feeding = np.where(kind.tensor_units, peak, vector_units.feeding(peak, gpu))
    per_clock = feeding / (sms * clock) / FLOPS_PER_CLOCK
    tiled = np.asarray(kind.tensor_units) | (np.asarray(m) > 1.0)
    floor_tile = np.where(kind.tensor_units, FLOOR_TILE, VECTOR_FLOOR_TILE)
    mac_s = 2.0 * sms / (peak * kind.speedup)
    sm_bytes_per_s = c.sm_rate * OPERANDS_PER_CLOCK * clock * per_clock
    dequant_s = np.where(kind.weight_only, 1.0 / (c.dequant_rate * OPERANDS_PER_CLOCK * clock), 0.0)
    quant_row_s = np.where(kind.dynamic, c.quant_cycles / clock, 0.0)
    dram_bytes_per_s = gpu.memory_bytes_per_s * c.memory_efficiency
    l2 = l2_bytes_per_s(gpu, feeding, c.l2_rate)
    quant_bytes = (QUANTISED_FROM_BYTES + kind.activation_bytes) * kind.activation_reads
    quant_s = np.where(kind.dynamic, quant_bytes / (gpu.memory_bytes_per_s * c.quant_efficiency), 0.0)
    return (
        m, n, k, b, kind.activation_bytes, kind.activation_reads, kind.weight_bytes, kind.output_bytes, sms,
        mac_s / c.compute_efficiency, mac_s * np.where(tiled, floor_tile * c.mma_floor, 0.0),
        np.where(tiled, TILE_M.max(), 1.0), sm_bytes_per_s, dequant_s,
        c.wave_rounding, c.tile_cycles / clock, c.split_cycles / clock,
        dram_bytes_per_s, np.where(kind.activation_bytes > MEASURED_BYTES, np.maximum(l2, dram_bytes_per_s), l2),
        gpu.l2_bytes * c.l2_fraction, c.launch_cycles / clock, quant_row_s, quant_s, c.overlap, OVERLAP_CYCLES / clock,
    )  # fmt: skip


def _parts(
    m: Real, n: Real, k: Real, b: Real, activation_bytes: Real, activation_reads: Real, weight_bytes: Real,
    output_bytes: Real, sms: Real, mac_s: Real, floor_s: Real, least_rows: Real, sm_bytes_per_s: Real, dequant_s: Real,
    rounding: Real, tile_s: Real, split_s: Real, dram_bytes_per_s: Real, l2_rate: Real, l2_bytes: Real,
    launch_s: Real, quant_row_s: Real, quant_s: Real, overlap: Real, patience_s: Real,
) -> tuple[Real, ...]:  # fmt: skip
    """Time by tile of the menu (first axis), memory time, fixed time, overlap exponent and its time scale."""
    rank = np.ndim(m)
    tm, tn = TILE_M.reshape(-1, *[1] * rank), TILE_N.reshape(-1, *[1] * rank)
    rows = np.minimum(tm, np.maximum(m, least_rows))
    supply_s = (rows * activation_bytes + tn * weight_bytes) / sm_bytes_per_s
    step_s = np.maximum(np.maximum(rows * tn * mac_s, supply_s), floor_s) + tn * dequant_s
    loop_s = step_s * k
    waves = b * np.ceil(m / tm) * np.ceil(n / tn) / sms
    paid = rounding * np.ceil(waves) + (1.0 - rounding) * np.maximum(waves, 1.0)
    whole_s = paid * (loop_s + tile_s)
    slices = np.minimum(np.floor(1.0 / waves), np.clip(k / SPLIT_STEP, 1.0, SPLIT_MOST))
    partial_s = b * m * n * (PARTIAL_BYTES / (sm_bytes_per_s * sms))
    sliced_s = loop_s / np.maximum(slices, 1.0) + slices * partial_s + (tile_s + split_s)
    by_tile_s = np.where(slices > 1.0, np.minimum(whole_s, sliced_s), whole_s)

    weights = b * n * k * weight_bytes
    streams = b * m * (k * activation_bytes * activation_reads + n * output_bytes)
    weights_missed = weights * miss(WEIGHT_COPIES * weights + streams, l2_bytes)
    streams_missed = streams * miss(weights + streams, l2_bytes)
    missed = weights_missed + streams_missed
    memory_s = missed / dram_bytes_per_s + (weights + streams - missed) / l2_rate
    fixed_s = launch_s + b * m * np.maximum(quant_row_s, k * quant_s)
    return by_tile_s, memory_s, fixed_s, overlap, patience_s
