"""Rows of attention of a made-up device: the analytic model itself, with known constants and noise."""

import itertools

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import attention_kind, gpu_attention
from costmodel.estimators.attention_constants import AttentionConstants
from profilers.attention_table import sizes

TRUE = AttentionConstants(
    compute_efficiency=0.55, memory_efficiency=0.85, sm_rate=0.6, l2_rate=0.5, l2_fraction=0.7, softmax_cycles=0.9,
    wave_rounding=0.6, overlap=0.9, launch_cycles=9000.0, tile_cycles=3000.0, split_cycles=5000.0, packing=0.8,
)  # fmt: skip
CONFIGURATIONS = [
    (heads, heads // group, head_dim, window)
    for heads, group, head_dim, window in itertools.product((4, 8, 24, 40), (1, 2, 4), (64, 128), (0, 128))
]
LENGTHS = (1, 16, 100, 512, 2048, 8192)


def made_rows(phase="ctx", noise=0.0, seed=0, gpu="h100_sxm", cache="bfloat16", configurations=CONFIGURATIONS):
    """A table of every configuration, batch and length; the noise is log-normal."""
    cells = [(*c, batch, n) for c, batch, n in itertools.product(configurations, (1, 4, 32), LENGTHS)]
    columns = ["num_heads", "num_kv_heads", "head_dim", "window_size", "batch_size", "isl"]
    rows = pd.DataFrame(cells, columns=columns).assign(gpu=gpu, backend="mine", kind=phase, step=0)
    rows = rows.assign(attn_dtype="bfloat16", kv_cache_dtype=cache)
    if phase == "gen":
        rows = rows.assign(step=rows.isl, isl=1)
    kind = attention_kind.named(attention_kind.math(phase, "bfloat16", cache))
    exact = gpu_attention.latency_s(*sizes(rows), kind, hardware.gpu(gpu), TRUE)
    return rows.assign(latency_s=exact * np.exp(np.random.default_rng(seed).normal(0.0, noise, len(rows))))
