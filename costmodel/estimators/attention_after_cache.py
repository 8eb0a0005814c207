"""Attention of several queries to keys cached before: speculative verification, chunked prefill; nobody measured it.

A few queries read the cache as one does: their rows share the tiles of the heads that share keys, and split keys serve
them all (Dao, Haziza, Massa, Sizov, Flash-Decoding, 2023; vLLM and FlashInfer verify drafts by their decode kernels).
Long chunks are tiles of queries as in prefill. From FEW to MANY the one passes into the other.
"""

from dataclasses import replace
from typing import TypeAlias

import numpy as np

from costmodel.estimators.attention_kind import CONTEXT, GENERATION, AttentionKind
from costmodel.estimators.attention_latency import borrowed
from costmodel.estimators.attention_latency import predict as measured
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.record import Real

REASON = "queries after cached keys"

Shape: TypeAlias = tuple[Real, Real, Real, Real, Real, Real, Real]
"""What attention_latency.predict takes: batch, queries, keys, heads, kv_heads, head_dim, window."""

FEW, MANY = 16.0, 256.0
"""Queries up to which decode's constants serve, and from which prefill's do: a draft's length, and the shortest chunks
that servers cut prompts into. A judgement."""


def predict(sizes: Shape, kind: AttentionKind, gpu: Gpu, *, because: str) -> Prediction:
    """Predict causal attention of `sizes`' queries, the last of their keys; `kind` is one of prefill, flat arrays.

    One query takes what decode was measured to take, each further one as much more as its formula says, but no more
    than prefill's constants say. The interval is that of kinds by each other's constants.
    """
    chunk = borrowed(*sizes, kind, gpu, because=because)
    batch, queries, keys, heads, kv_heads, head_dim, window = sizes
    rest = keys, heads, kv_heads, head_dim, window
    decode = replace(kind, math=str(kind.math).replace(CONTEXT, GENERATION, 1))
    some = borrowed(batch, np.minimum(queries, FEW), *rest, decode, gpu, because=because)
    one = (batch, np.ones_like(queries), *rest)
    formula_s = first_s = borrowed(*one, decode, gpu, because=because).latency_s
    if because == REASON:
        first_s = measured(*one, decode, gpu, backend=gpu.backend).latency_s
    share = np.clip(np.log(queries / FEW) / np.log(MANY / FEW), 0.0, 1.0)
    latency_s = np.minimum(first_s * some.latency_s / formula_s, chunk.latency_s)
    latency_s = np.maximum(latency_s ** (1.0 - share) * chunk.latency_s**share, first_s)
    low, high = (np.where(share < 1.0, some_s / some.latency_s, 1.0) for some_s in (some.low_s, some.high_s))
    return replace(
        chunk,
        latency_s=latency_s,
        low_s=latency_s * np.minimum(low, chunk.low_s / chunk.latency_s),
        high_s=latency_s * np.maximum(high, chunk.high_s / chunk.latency_s),
        bound=np.where(share > 0.0, chunk.bound, some.bound),
        how=np.where(share == 0.0, some.how, chunk.how),
    )
