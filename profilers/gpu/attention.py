"""Attention on a GPU, prefill and decode: rows of the table of attention (attention_table)."""

from functools import partial
from typing import Any

import numpy as np

from costmodel.estimators import attention_kind
from costmodel.estimators.attention_kind import CONTEXT, GENERATION
from costmodel.estimators.gpu_attention import kept_keys
from costmodel.hardware import Gpu
from profilers.call import Call
from profilers.timing import Work

BATCHES = (1, 2, 4, 8, 16, 32, 64)
PROMPTS = (16, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
STEPS = (64, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
HEADS = ((8, 1), (8, 8), (16, 2), (16, 16), (32, 4), (32, 8), (32, 32), (40, 40), (48, 8), (64, 8))
HEAD_DIMS = (64, 128)
WINDOWS = (0, 0, 0, 1024, 4096)
MOST_KV_BYTES, MOST_FLOPS = 6e9, 6e12


def draw(phase: str, gpu: Gpu, rng: np.random.Generator, where: str = "cuda", *, cache: str = "bfloat16") -> Call:
    """Draw a causal attention in bf16: `phase` is ctx (a whole prompt) or gen (one token after others).

    A `cache` in fp8 is written after a prompt and read before a token: PyTorch has no attention that multiplies it.
    """
    while True:
        batch, (heads, kv_heads) = int(rng.choice(BATCHES)), HEADS[rng.integers(len(HEADS))]
        dim, window = int(rng.choice(HEAD_DIMS)), int(rng.choice(WINDOWS)) if phase == CONTEXT else 0
        step = 0 if phase == CONTEXT else int(rng.choice(STEPS))
        isl = int(rng.choice(PROMPTS)) if phase == CONTEXT else 1
        queries, keys = (isl, isl) if phase == CONTEXT else (1, step + 1)
        kept = float(kept_keys(float(queries), float(keys), window or np.inf))
        flops, kv_bytes = 4.0 * batch * heads * queries * kept * dim, 4.0 * batch * kv_heads * keys * dim
        if flops <= MOST_FLOPS and kv_bytes <= MOST_KV_BYTES and (not window or window < keys):
            break
    columns = {
        "kind": phase, "attn_dtype": "bfloat16", "kv_cache_dtype": cache, "batch_size": batch, "isl": isl,
        "num_heads": heads, "num_kv_heads": kv_heads, "head_dim": dim, "step": step, "window_size": window,
    }  # fmt: skip
    sizes = tuple(float(x) for x in (batch, queries, keys, heads, kv_heads, dim, window))
    math = attention_kind.math(phase, "bfloat16", cache)
    stored = kv_bytes * float(attention_kind.named(math).kv_bytes) / 2.0
    busy_s = max(flops / gpu.peak_flops.bf16, stored / gpu.memory_bytes_per_s)
    build = partial(_built, batch, queries, keys, heads, kv_heads, dim, window, where, cache)
    return Call("attention", math, columns, sizes, stored, 5e-6 + float(busy_s), build)


def _built(
    batch: int, queries: int, keys: int, heads: int, kv_heads: int, dim: int, window: int, where: str, cache: str,
    copies: int,
) -> list[Work]:  # fmt: skip
    import torch

    q = torch.randn(batch, heads, queries, dim, dtype=torch.bfloat16, device=where)
    cached = torch.randn(min(copies, 2), 2, batch, kv_heads, keys, dim, dtype=torch.bfloat16, device=where)
    mask = _band(queries, window, where) if window else None
    causal, grouped, narrow = queries > 1 and not window, kv_heads < heads, cache != "bfloat16"
    if narrow and queries == 1:
        cached = cached.to(torch.float8_e4m3fn)

    def run(kv: Any) -> Any:
        k, v = kv.to(torch.bfloat16)
        found = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped
        )
        return (found, kv.to(torch.float8_e4m3fn)) if narrow and queries > 1 else found

    return [partial(run, kv) for kv in cached]


def _band(queries: int, window: int, where: str) -> Any:
    """A mask of the last `window` keys up to each query: PyTorch has no call for a window of its own."""
    import torch

    place = torch.arange(queries, device=where)
    behind = place[:, None] - place[None]
    return (behind >= 0) & (behind < window)


PHASES = (CONTEXT, GENERATION)

CACHES = ("bfloat16", "fp8")
