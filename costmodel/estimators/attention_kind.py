"""AttentionKind: in which formats queries, keys and values meet, and the family its constants come from."""

from dataclasses import dataclass

import numpy as np

from costmodel.catalog import require
from costmodel.record import Real

CONTEXT, GENERATION = "ctx", "gen"
"""Prefill (many queries a sequence) and decode (one), in the words of the measurement files."""


@dataclass(frozen=True)
class AttentionKind:
    """Stored bytes an element of queries and of cached keys and values, the pipe that multiplies them, and the mask.

    `math` names the family of measurements whose constants apply; a mask that is not `causal` keeps every score.
    """

    math: Real
    query_bytes: Real
    kv_bytes: Real
    pipe: Real
    causal: Real = True


KINDS = {
    kind.math: kind
    for phase in (CONTEXT, GENERATION)
    for kind in (
        AttentionKind(f"{phase}_bfloat16", 2.0, 2.0, "bf16"),
        AttentionKind(f"{phase}_bfloat16_kvfp8", 2.0, 1.0, "bf16"),
        AttentionKind(f"{phase}_fp8", 1.0, 1.0, "fp8"),
    )
}
"""The kinds of the measurement files' `kind`, `attn_dtype` and, where it differs, `kv_cache_dtype`; output in bf16."""

SAME_RATE = {"bf16": ("bf16", "fp16")}
"""Pipes that multiply elements of the same size at the same rate: what holds for one holds for the other."""

NEAREST = {f"{phase}_fp8": f"{phase}_bfloat16_kvfp8" for phase in (CONTEXT, GENERATION)}
"""The kind whose constants serve where no other device has measured a kind."""


def math(phase: str, attention: str, kv_cache: str) -> str:
    """The family's name for a phase (ctx, gen) and the formats of attention and KV cache, as files spell them."""
    return f"{phase}_{attention}" + (f"_kv{kv_cache}" if kv_cache != attention else "")


def named(math: str) -> AttentionKind:
    """The kind of that `math`; UnknownNameError lists near names."""
    return KINDS[require("kind of attention", math, KINDS)]


def is_measured(kind: AttentionKind, encoding: Real) -> Real:
    """Whether a kind, or each of a batch, is what was measured for its family; `encoding` of keys and values."""
    same = [
        (kind.math == family.math)
        & np.any([np.asarray(kind.pipe) == pipe for pipe in SAME_RATE.get(str(family.pipe), (family.pipe,))], axis=0)
        & (kind.query_bytes == family.query_bytes)
        & (kind.kv_bytes == family.kv_bytes)
        & (encoding == "minifloat")
        for family in KINDS.values()
    ]
    return np.any(np.stack(np.broadcast_arrays(*same)), axis=0)[()]
