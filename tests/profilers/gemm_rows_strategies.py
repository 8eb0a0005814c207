"""Rows of a made-up device: the analytic model itself, with known constants and noise."""

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import gemm_kind, gpu_gemm
from costmodel.estimators.gemm_constants import GemmConstants

TRUE = GemmConstants(
    compute_efficiency=0.7, memory_efficiency=0.85, sm_rate=1.6, l2_rate=0.3, l2_fraction=0.6, mma_floor=1.3,
    wave_rounding=0.5, overlap=1.2, launch_cycles=2500.0, tile_cycles=3000.0, split_cycles=6000.0,
)  # fmt: skip
SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
MS = (1, 8, 16, 33, 64, 128, 257, 512, 1024, 2048, 4096, 8192)


def made_rows(noise=0.0, seed=0, gpu="h100_sxm", math="bfloat16", backend="mine", sizes=SIZES, ms=MS):
    """A table of every m, n, k; the noise is log-normal."""
    m, n, k = (axis.reshape(-1).astype(float) for axis in np.meshgrid(ms, sizes, sizes))
    exact = gpu_gemm.latency_s(m, n, k, gemm_kind.named(math), hardware.gpu(gpu), TRUE)
    noisy = exact * np.exp(np.random.default_rng(seed).normal(0.0, noise, len(m)))
    columns = {"gpu": gpu, "backend": backend, "math": math, "m": m, "n": n, "k": k, "latency_s": noisy}
    return pd.DataFrame(columns)
