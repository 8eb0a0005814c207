"""Latency of attention on a GPU: tiles of queries, split keys, waves, DRAM, L2 and fixed costs, in twelve constants.

One formula for prefill and decode. A thread block takes a tile of query rows of one KV head and walks over the keys
that its mask keeps; heads of a group that share their keys are packed into a tile as far as the kernel does so. Blocks
come in waves over the SMs; where they are too few, the keys are split and the parts combined. Keys and values that the
L2 holds skip DRAM; arithmetic and memory overlap; launches and block prologues cost clock cycles.
After Dao, FlashAttention-2, arXiv 2307.08691 (tiles of queries, loop over keys, sections 3.1-3.2); Shah et al.,
FlashAttention-3, arXiv 2407.08608 (softmax beside the products, packed groups); Dao, Haziza, Massa, Sizov,
Flash-Decoding, 2023 (split keys). The shape of each term was chosen on the rows that fits see.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from costmodel.estimators import vector_units
from costmodel.estimators.attention_constants import AttentionConstants
from costmodel.estimators.attention_kind import GENERATION, AttentionKind
from costmodel.estimators.chunks import in_chunks
from costmodel.estimators.gpu_gemm import FLOPS_PER_CLOCK, OPERANDS_PER_CLOCK, l2_bytes_per_s
from costmodel.estimators.latency_model import Terms
from costmodel.estimators.overlap import OVERLAP_CYCLES, miss, overlapped_s
from costmodel.hardware import Gpu
from costmodel.record import Real

TILE_ROWS = np.array([16.0, 64.0, 128.0])
"""Query rows a thread block, of which the fastest wins: the tensor instruction's 16, and the usual kernels' tiles."""

KEY_BLOCK = 64.0
"""Keys a step of a thread block, to which what it visits is rounded up."""

SCORES_PER_CLOCK = 16.0
"""Exponentials a clock of one SM: NVIDIA, CUDA C++ Programming Guide, table of arithmetic throughput, 8.0 to 9.0."""

SPLIT_STEP, SPLIT_MOST = 128.0, 64.0
"""A split leaves every part at least this many keys, and makes at most so many parts."""

OUTPUT_BYTES, NEW_BYTES, PARTIAL_BYTES = 2.0, 2.0, 4.0
"""An element of the output, of a new key or value before it is cached, and of a partial output, all as measured."""


@dataclass(frozen=True)
class AttentionTerms(Terms):
    """The parts of a prediction; `tile` indexes TILE_ROWS, `parts` is how many ways the keys are split."""

    tile: Real
    parts: Real


def latency_s(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    kind: AttentionKind, gpu: Gpu, constants: AttentionConstants,
) -> Real:  # fmt: skip
    """Seconds of attention of `batch` sequences' last `queries` tokens to their `keys` (those included).

    A `window` > 0 keeps so many keys up to each query; 0 keeps all. All arguments broadcast; nan where the GPU lacks
    the kind's pipe.
    """
    shape = (batch, queries, keys, heads, kv_heads, head_dim, window)
    return in_chunks(lambda *row: _terms(*row)[0], _inputs(*shape, kind, gpu, constants))


def terms(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    kind: AttentionKind, gpu: Gpu, constants: AttentionConstants,
) -> AttentionTerms:  # fmt: skip
    """The same prediction with its parts: what the residual model and the name of the bound need."""
    shape = (batch, queries, keys, heads, kv_heads, head_dim, window)
    columns = in_chunks(
        lambda *row: np.stack(np.broadcast_arrays(*_terms(*row))), _inputs(*shape, kind, gpu, constants)
    )
    return AttentionTerms(*columns)


def kept_keys(queries: Real, keys: Real, reach: Real, causal: Real = True) -> Real:
    """Mean keys that a query's mask keeps: the queries are the last of the keys, each sees `reach` up to itself.

    Where not causal as many again after it, as far as there are keys: an upper bound at the ends of the sequence.
    """
    first = keys - queries
    full = np.clip(reach, first, keys)
    beyond = np.where(keys > full, (keys - full) * np.minimum(reach, keys), 0.0)
    kept = (_triangle(full) - _triangle(first) + beyond) / queries
    return np.where(causal, kept, np.minimum(keys, 2.0 * reach - 1.0))


def _triangle(count: Real) -> Real:
    return count * (count + 1.0) / 2.0


def _inputs(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    kind: AttentionKind, gpu: Gpu, constants: AttentionConstants,
) -> tuple[Real, ...]:  # fmt: skip
    """What the formula needs of its records, in the order of `_terms`."""
    c, clock, sms = constants, gpu.clock_hz, gpu.sm_count
    peak, vector = gpu.peak_flops.of(kind.pipe), vector_units.multiply(kind.pipe, gpu)
    feeding = np.where(vector, vector_units.feeding(peak, gpu), peak)
    per_clock = feeding / (sms * clock) / FLOPS_PER_CLOCK
    return (
        batch, queries, keys, heads, kv_heads, head_dim, np.where(np.greater(window, 0.0), window, np.inf),
        kind.query_bytes, kind.kv_bytes, np.asarray(kind.causal, dtype=np.float64), sms,
        4.0 * sms / (peak * c.compute_efficiency), c.softmax_cycles / (SCORES_PER_CLOCK * clock),
        c.sm_rate * OPERANDS_PER_CLOCK * clock * per_clock, c.wave_rounding, c.packing,
        c.tile_cycles / clock, c.split_cycles / clock, c.launch_cycles / clock,
        gpu.memory_bytes_per_s * c.memory_efficiency, l2_bytes_per_s(gpu, feeding, c.l2_rate),
        gpu.l2_bytes * c.l2_fraction, c.overlap, OVERLAP_CYCLES / clock,
        np.asarray(~vector, dtype=np.float64),
        np.asarray(np.char.startswith(np.asarray(kind.math).astype(str), GENERATION), dtype=np.float64),
    )  # fmt: skip


def _terms(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    query_bytes: Real, kv_bytes: Real, causal: Real, sms: Real, element_s: Real, score_s: Real, sm_bytes_per_s: Real,
    rounding: Real, packing: Real, tile_s: Real, split_s: Real, launch_s: Real, dram_bytes_per_s: Real,
    l2_bytes_per_s: Real, l2_bytes: Real, overlap: Real, patience_s: Real, whole_tiles: Real, decode: Real,
) -> tuple[Any, ...]:  # fmt: skip
    """The columns of AttentionTerms."""
    by_tile_s, parts = _by_tile(
        batch, queries, keys, heads, kv_heads, head_dim, window, kv_bytes, causal, sms, element_s, score_s,
        sm_bytes_per_s, rounding, packing, tile_s, split_s, whole_tiles, decode,
    )  # fmt: skip
    tile, compute_s = by_tile_s.argmin(axis=0), by_tile_s.min(axis=0)
    seen = np.minimum(keys, window + queries - 1.0)
    cached = 2.0 * batch * kv_heads * seen * head_dim * kv_bytes
    new = 2.0 * batch * kv_heads * queries * head_dim * (NEW_BYTES + kv_bytes)
    moved = cached + new + batch * heads * queries * head_dim * (query_bytes + OUTPUT_BYTES)
    missed = moved * miss(moved, l2_bytes)
    memory_s = missed / dram_bytes_per_s + (moved - missed) / l2_bytes_per_s
    latency = launch_s + overlapped_s(compute_s, memory_s, overlap, patience_s)
    taken = np.take_along_axis(parts, np.expand_dims(tile, 0), axis=0)[0]
    return latency, compute_s, memory_s, launch_s, tile, taken


def _by_tile(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real, kv_bytes: Real,
    causal: Real, sms: Real, element_s: Real, score_s: Real, sm_bytes_per_s: Real, rounding: Real, packing: Real,
    tile_s: Real, split_s: Real, whole_tiles: Real, decode: Real,
) -> tuple[Any, Any]:  # fmt: skip
    """Time of the thread blocks by tile of the menu (first axis), and how many ways each splits its keys."""
    rows = TILE_ROWS.reshape(-1, *[1] * np.ndim(batch))
    shares = (queries == 1.0) | (decode > 0.0)
    packed = (heads / kv_heads) ** np.where(shares & np.isinf(window), 1.0, packing)
    blocks = batch * (heads / packed) * np.ceil(queries * packed / rows)
    tokens = np.clip(rows / packed, 1.0, queries)
    rounded = np.ceil(keys / KEY_BLOCK) * KEY_BLOCK
    windowed = np.isfinite(window)
    edge = causal * (tokens - 1.0) / 2.0 * (1.0 + windowed) + KEY_BLOCK / 2.0
    visited = np.minimum(kept_keys(queries, keys, window, causal > 0.0) + edge, rounded)
    longest = np.where(causal > 0.0, np.minimum(window + tokens - 1.0 + KEY_BLOCK / 2.0, rounded), visited)
    multiplied = np.where(whole_tiles > 0.0, rows, np.minimum(rows, queries * packed))
    key_s = np.maximum(multiplied * (head_dim * element_s + score_s), 2.0 * head_dim * kv_bytes / sm_bytes_per_s)
    waves = blocks / sms
    paid = rounding * np.ceil(waves) + (1.0 - rounding) * np.maximum(waves, 1.0)
    whole_s = np.maximum(paid * (visited * key_s + tile_s), longest * key_s + tile_s)
    parts = np.clip(np.floor(1.0 / waves), 1.0, np.clip(visited / SPLIT_STEP, 1.0, SPLIT_MOST))
    partial_s = batch * heads * queries * head_dim * PARTIAL_BYTES / (sm_bytes_per_s * sms)
    split_whole_s = visited / parts * key_s + tile_s + split_s + parts * partial_s
    split = (parts > 1.0) & (split_whole_s < whole_s)
    return np.where(split, split_whole_s, whole_s), np.where(split, parts, 1.0)
