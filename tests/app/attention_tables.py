"""Tables of attention whose truth is known: a committed calibration's predictions times known noise."""

import itertools

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import attention_kind
from costmodel.estimators.attention_latency import predict
from costmodel.hardware.calibration import FOLDER, read
from profilers.attention_table import sizes

CONFIGURATIONS = [(h, g, d, w) for h, g, d, w in itertools.product((8, 16, 32), (1, 4, 8), (64, 128), (0, 128))]


def noisy_rows(noise=0.05, gpu="h100_sxm", phase="gen", cache="bfloat16", seed=0):
    """Every configuration at a few batches and lengths."""
    cells = [(*c, b, n) for c, b, n in itertools.product(CONFIGURATIONS, (1, 8, 64), (15, 255, 4095))]
    columns = ["num_heads", "num_kv_heads", "head_dim", "window_size", "batch_size", "isl"]
    rows = pd.DataFrame(cells, columns=columns)
    rows = rows.assign(step=0) if phase == "ctx" else rows.assign(step=rows.isl, isl=1)
    rows = rows.assign(gpu=gpu, backend="vllm", kind=phase, attn_dtype="bfloat16", kv_cache_dtype=cache)
    kind = attention_kind.named(attention_kind.math(phase, "bfloat16", cache))
    fits = [fit for path in sorted(FOLDER.glob("*_attention.toml")) for fit in read(path)]
    exact = predict(*sizes(rows), kind, hardware.gpu(gpu), backend="vllm", fits=fits).latency_s
    return rows.assign(latency_s=exact * np.exp(np.random.default_rng(seed).normal(0.0, noise, len(rows))))
