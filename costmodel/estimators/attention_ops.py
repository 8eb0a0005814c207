"""Latency of the attention of networks: as measured where it was, else by the constants of the nearest kind.

Measured is causal self-attention of servers: prefill without cached tokens, and decode of one token. Attention of both
directions executes about twice the scores of a causal one of that length, and borrows its constants. Attention whose
heads are not known (a backward pass, a shared latent) is left to the fitted roofline.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import attention_after_cache, attention_kind, fitted_roofline, sibling
from costmodel.estimators.attention_kind import CONTEXT, GENERATION, AttentionKind
from costmodel.estimators.attention_latency import borrowed
from costmodel.estimators.attention_latency import predict as measured
from costmodel.estimators.attention_pipe import TOLD, dequantised, multiplied_on
from costmodel.estimators.prediction import Prediction, joined, rows_by, scattered
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real, map_fields
from costmodel.workload import Op

WIDE_BYTES = 2.0
"""Queries stay at 16 bits or more where keys and values are narrower, in what was measured."""

UNKNOWN = "heads not known"


@dataclass(frozen=True)
class _Rows:
    """Each row's kind of attention, why nothing measured is quite like it ("" where something is), and what is widened.

    `wide` rows have keys and values whose own products the GPU has no pipe for.
    """

    kind: AttentionKind
    reasons: NDArray[np.str_]
    wide: NDArray[np.bool_]


def predict(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """Predict one execution of each row; op and precision are batches of one length. nan where the pipe is missing."""
    rows = _rows(op, precision, gpu)
    has_pipe = gpu.peak_flops.of(rows.kind.pipe) > 0
    columns = (rows.kind.math, rows.kind.pipe, rows.kind.causal, rows.reasons, rows.wide)
    known = np.flatnonzero(has_pipe)
    parts: list[tuple[NDArray[np.intp], Prediction]] = []
    for group in rows_by(*(column[known] for column in columns)):
        at = known[group]
        parts.append((at, _of_one_kind(at, op, precision, rows, gpu)))
    return scattered(parts, len(rows.reasons))


def _of_one_kind(at: NDArray[np.intp], op: Op, precision: Precision, rows: _Rows, gpu: Gpu) -> Prediction:
    op, because, kind = map_fields(op, lambda column: column[at]), str(rows.reasons[at[0]]), _kind(rows.kind, at)
    wide = f", {TOLD}" * bool(rows.wide[at[0]])
    if because == UNKNOWN:
        taken = map_fields(precision, lambda column: column[at])
        return fitted_roofline.predict(op, taken, gpu, because=because + wide)
    heads = op.heads
    sizes = (heads.batch, op.m, heads.keys, op.b / heads.batch, heads.kv_heads, op.k / 2.0, heads.window)
    if not because:
        found = measured(*sizes, kind, gpu, backend=gpu.backend)
        found = replace(found, how=_with(found.how, TOLD)) if wide else found
        return sibling.taken(found, "fp16") if kind.pipe == "fp16" else found
    chunk = attention_after_cache.REASON in because and bool(kind.causal)
    predict_it = attention_after_cache.predict if chunk else _plain
    found = predict_it(sizes, kind, gpu, because=because + wide)
    return replace(found, extrapolated=np.ones(len(op.m), dtype=bool))


def _plain(sizes: attention_after_cache.Shape, kind: AttentionKind, gpu: Gpu, *, because: str) -> Prediction:
    return borrowed(*sizes, kind, gpu, because=because)


def _with(how: Real, told: str) -> Real:
    """The labels with one thing more in their brackets."""
    texts = [text.partition(" (")[::2] for text in np.asarray(how).astype(str).reshape(-1).tolist()]
    said = [f"{level} ({told}{', ' + rest if rest else ')'}" for level, rest in texts]
    return np.array(said).reshape(np.shape(how))[()]


def _kind(kind: AttentionKind, at: NDArray[np.intp]) -> AttentionKind:
    one = {f.name: getattr(kind, f.name)[at] for f in fields(kind)}
    return AttentionKind(**one | {name: one[name][0] for name in ("math", "pipe", "causal")})


def _rows(op: Op, precision: Precision, gpu: Gpu) -> _Rows:
    kv = precision.kv_cache
    decode = (op.m == 1) & (op.heads.keys > 1)
    narrow = kv.bits <= 8
    family = np.where(narrow, "bfloat16_kvfp8", "bfloat16")
    math = np.char.add(np.where(decode, f"{GENERATION}_", f"{CONTEXT}_"), family)
    causal = np.asarray(op.heads.causal, dtype=bool) | (op.m == 1)
    query_bytes = np.maximum(precision.activation.bits_per_element / 8, WIDE_BYTES)
    kind = AttentionKind(math, query_bytes, kv.bits_per_element / 8, multiplied_on(precision, gpu), causal)
    value_dim = op.output_elements / np.maximum(op.b * op.m, 1.0)
    reasons = {
        "both directions": ~causal,
        attention_after_cache.REASON: (op.m > 1) & (op.heads.keys > op.m),
        "values of another size than keys": 2.0 * value_dim != op.k,
        "no such widths measured": ~attention_kind.is_measured(kind, kv.encoding),
    }
    widened = np.broadcast_to(dequantised(precision, gpu), len(op.m))
    return _Rows(kind, np.where(op.heads.batch > 0, joined(reasons, len(op.m)), UNKNOWN), widened)
