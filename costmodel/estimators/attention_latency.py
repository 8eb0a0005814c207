"""The latency of attention as well as it is known: calibrated, carried from other devices, or by spec sheet."""

from collections.abc import Sequence
from dataclasses import fields

from costmodel.estimators import attention_kind, calibrated, gpu_attention
from costmodel.estimators.attention_constants import AttentionConstants
from costmodel.estimators.attention_features import features
from costmodel.estimators.attention_kind import AttentionKind
from costmodel.estimators.gemm_latency import OTHER_SOFTWARE
from costmodel.estimators.latency_model import LatencyModel
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.hardware.calibration import Calibration
from costmodel.record import Real

OTHER_KIND = (-0.87, 0.66)
"""Log offsets around a kind of attention predicted by the constants of another on the same device: the 5th and 95th
percentile of log(measured / predicted) over eight pairs of caches in bf16 and fp8, on configurations that fits saw."""

ATTENTION = LatencyModel(
    name="attention",
    sizes=("batch", "queries", "keys", "heads", "kv_heads", "head_dim", "window"),
    terms=gpu_attention.terms,
    features=features,
    named=attention_kind.named,
    constants=AttentionConstants,
    neutral=AttentionConstants(**{f.name: 1.0 for f in fields(AttentionConstants)}),
    shares=("compute_efficiency", "memory_efficiency", "wave_rounding", "packing"),
    nearest=attention_kind.NEAREST,
    library=tuple(attention_kind.KINDS),
    cells={
        "head_dim": (64.0, 128.0, 192.0, 256.0),
        "window": (0.0, 128.0, 1024.0, 4096.0),
        "heads": (2.0, 4.0, 8.0, 16.0, 32.0),
    },
    unalike=OTHER_KIND,
    software={"": OTHER_SOFTWARE[""]},
)
"""`cells`: head sizes beside 64 and 128, windows and few heads were measured in few configurations, and err by more.
`software`: nobody measured two backends' attention on one device; that of products which each writes is taken.
`library`: kernels differ more by device than by backend, all of which call the same few libraries. Keeping to one
backend took prefill in bf16 on an H100 from 27 to 65 %, decode from 59 to 181 %, on configurations that fits saw."""


def predict(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    kind: AttentionKind, gpu: Gpu, *, backend: str = "", level: str = "auto", residual: bool = True,
    fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict attention of one kind on one device: shapes as in gpu_attention, options as in calibrated.predict."""
    sizes = (batch, queries, keys, heads, kv_heads, head_dim, window)
    return calibrated.predict(ATTENTION, sizes, kind, gpu, backend=backend, level=level, residual=residual, fits=fits)


def borrowed(
    batch: Real, queries: Real, keys: Real, heads: Real, kv_heads: Real, head_dim: Real, window: Real,
    kind: AttentionKind, gpu: Gpu, *, because: str, fits: Sequence[Calibration] | None = None,
) -> Prediction:  # fmt: skip
    """Predict attention of a kind that nobody measured, as calibrated.borrowed does; flat arrays."""
    sizes = (batch, queries, keys, heads, kv_heads, head_dim, window)
    return calibrated.borrowed(ATTENTION, sizes, kind, gpu, because=because, fits=fits)
