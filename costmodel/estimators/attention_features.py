"""What the residual model sees of an attention: its shape, its fit to tiles and waves, the analytic model's terms.

No device or configuration is named: every feature is a number that a shape never measured has too.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.gpu_attention import AttentionTerms
from costmodel.record import Real

TILES = (64.0, 128.0)
"""Query rows of usual tiles, whose number of waves and share of full SMs are features."""

NO_WINDOW = 4096.0
"""What a feature shows for attention without a window, and for one at least as long."""


def features(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    sm_count: float, parts: AttentionTerms,
) -> NDArray[np.float64]:  # fmt: skip
    """Features float[F, N] of N attentions on a device with so many SMs, from their predicted `parts`."""
    shape = (batch, queries, keys, heads, kv_heads, head_dim, window)
    b, q, n, h, g, d, w = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(*shape))
    reach = np.where(w > 0, np.minimum(w, n), n)
    group = h / g
    cached, rows = b * g * reach * d, b * h * q
    columns = [np.log2(x) for x in (b, q, n, h, g, group, reach, b * g, b * h, rows, b * g * q, q * group, n * d)]
    columns += [np.log2(cached), np.log2(cached + rows * d), np.log2(rows * reach * d), d]
    columns += [np.where(w > 0, np.minimum(w, NO_WINDOW), NO_WINDOW), n / reach, np.log(parts.latency_s), parts.parts]
    columns += [np.log(parts.compute_s / np.maximum(parts.memory_s, 1e-12))]
    blocks = [b * g, b * h]
    for tile in TILES:
        blocks += [b * g * np.ceil(q * group / tile), b * h * np.ceil(q / tile)]
    for count in blocks:
        waves = count / sm_count
        columns += [np.log2(waves), np.where(waves > 0.5, np.ceil(waves) / waves, 0.0)]
    return np.stack(columns)
