"""What the residual model sees of a matrix product: its shape, its fit to tiles and waves, the analytic model's terms.

No device or pair is named: every feature is a number that a shape never measured has too.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.gpu_gemm import WEIGHT_COPIES, GemmTerms
from costmodel.record import Real

WAVE_TILES = ((64, 64), (64, 128), (128, 64), (128, 128), (128, 256), (256, 128), (64, 256))
"""Output tiles of usual kernels, whose number of waves and share of full SMs are features."""

ALIGNMENTS = (2, 16, 64, 128, 256)


def features(m: Real, n: Real, k: Real, sm_count: float, parts: GemmTerms) -> NDArray[np.float64]:
    """Features float[F, N] of N products on a device with so many SMs, from their predicted `parts`."""
    m, n, k = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(m, n, k))
    log_m, log_n, log_k = np.log2(m), np.log2(n), np.log2(k)
    columns = [log_m, log_n, log_k, log_m + log_n, log_m + log_k, log_n + log_k, log_m + log_n + log_k]
    columns += [log_n - log_k, log_m - log_k, log_m - log_n, np.log(parts.latency_s)]
    columns += [np.log(parts.compute_s / np.maximum(parts.memory_s, 1e-12)), np.log(parts.runner_up), parts.tile]
    columns += [np.mod(m, step) for step in ALIGNMENTS]
    columns += [m * n * k / (m * n + m * k + n * k), np.log2(WEIGHT_COPIES * n * k + m * k + m * n)]
    for tile_m, tile_n in WAVE_TILES:
        waves = np.ceil(m / tile_m) * np.ceil(n / tile_n) / sm_count
        columns += [np.log2(waves), np.where(waves > 0.5, np.ceil(waves) / waves, 0.0)]
    return np.stack(columns)
