"""Tables of measured attention, prefill and decode."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel.estimators import attention_kind
from costmodel.estimators.attention_constants import AttentionConstants
from costmodel.estimators.attention_kind import CONTEXT, GENERATION, AttentionKind
from costmodel.estimators.attention_latency import ATTENTION
from costmodel.estimators.gpu_attention import kept_keys
from profilers.boosting import Growth
from profilers.table import Table

Floats = NDArray[np.float64]

PRIOR = AttentionConstants(
    compute_efficiency=0.62, memory_efficiency=0.72, sm_rate=0.38, l2_rate=0.36, l2_fraction=0.8, softmax_cycles=0.67,
    wave_rounding=0.33, overlap=0.7, launch_cycles=13000.0, tile_cycles=5000.0, split_cycles=7500.0, packing=0.5,
)  # fmt: skip
"""Where a fit starts and what it falls back to: the rounded geometric mean of ten fits to A100, L40S and H100."""

SPREAD = {
    "compute_efficiency": 0.25, "memory_efficiency": 0.25, "sm_rate": 0.9, "l2_rate": 0.8, "l2_fraction": 0.6,
    "softmax_cycles": 0.7, "wave_rounding": 1.2, "overlap": 0.4, "launch_cycles": 0.8, "tile_cycles": 0.7,
    "split_cycles": 1.5, "packing": 1.0,
}  # fmt: skip
"""How far the logarithm of a constant usually lies from the prior: the standard deviation of those ten."""

SHAPE = ("batch_size", "isl", "num_heads", "num_kv_heads", "head_dim")


def family(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their `math`; ValueError where `kind` is neither ctx nor gen, or heads do not share KV heads."""
    columns = ("kind", "attn_dtype", "kv_cache_dtype")
    texts = [rows[name].astype(object).where(rows[name].notna(), "").astype(str) for name in columns]
    names = [attention_kind.math(*key) for key in zip(*texts, strict=True)]
    wrong = np.flatnonzero((rows.num_heads % rows.num_kv_heads).to_numpy() != 0)
    if len(wrong):
        heads, kv_heads = rows.num_heads.iloc[wrong[0]], rows.num_kv_heads.iloc[wrong[0]]
        raise ValueError(f"num_kv_heads must divide num_heads, got {heads:g} and {kv_heads:g} in row {wrong[0]}")
    unknown = sorted(set(texts[0]) - {CONTEXT, GENERATION})
    if unknown:
        raise ValueError(f"kind must be ctx or gen, got {unknown[0]!r}")
    return rows.assign(math=names)


def sizes(rows: pd.DataFrame) -> tuple[Floats, ...]:
    """Batch, queries, keys, heads, KV heads, head dimension and window: a decode has one query after `step` keys."""
    queries = np.where(rows.kind == GENERATION, 1.0, rows.isl)
    batch, heads, kv_heads, head_dim = (rows[n].to_numpy() for n in SHAPE if n != "isl")
    return batch, queries, queries + rows.step.to_numpy(), heads, kv_heads, head_dim, rows.window_size.to_numpy()


def _flops(rows: pd.DataFrame) -> Floats:
    batch, queries, keys, heads, _, head_dim, window = sizes(rows)
    kept = kept_keys(queries, keys, np.where(window > 0, window, np.inf))
    return np.asarray(4.0 * batch * heads * queries * kept * head_dim)


def _moved(rows: pd.DataFrame, kind: AttentionKind) -> Floats:
    batch, queries, keys, heads, kv_heads, head_dim, window = sizes(rows)
    seen = np.where(window > 0, np.minimum(keys, window + queries - 1.0), keys)
    streams = heads * queries * (kind.query_bytes + 2.0)
    return np.asarray(batch * head_dim * (2.0 * kv_heads * seen * kind.kv_bytes + streams))


ATTENTION_ROWS = Table(
    name="attention",
    model=ATTENTION,
    columns=("gpu", "kind", "attn_dtype", "kv_cache_dtype", *SHAPE, "step", "window_size", "latency_s"),
    positive=(*SHAPE, "latency_s"),
    counted=("step", "window_size"),
    whole=(*SHAPE, "step", "window_size"),
    apart=("num_heads", "num_kv_heads", "head_dim", "window_size"),
    pass_of=("batch_size", "isl", "step"),
    family=family,
    sizes=sizes,
    flops=_flops,
    moved=_moved,
    prior=PRIOR,
    spread=SPREAD,
    free=lambda _kind, _device: list(SPREAD),
    growth=Growth(trees=300, depth=6),
)
"""`kind` ctx (prefill: `isl` tokens attend to themselves) or gen (decode: one token after `step` others)."""
