"""Latency of matrix products in networks: linear layers, convolutions, routed experts, products of activations.

A convolution is its implicit product, whose patches overlap in memory (Chetlur et al., cuDNN, arXiv 1410.0759), scaled
to what a library's calls take where some GPU's were measured; the products of routed experts share one launch. Both
borrow the constants of plain products.
"""

from dataclasses import fields, replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import (
    fitted_roofline,
    gemm_kind,
    library_convolutions,
    own_family,
    sparse_pipe,
    traffic,
    vector_units,
    zeros_multiplied,
)
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.gemm_kind import GemmKind
from costmodel.estimators.gemm_latency import borrowed
from costmodel.estimators.gemm_latency import predict as measured
from costmodel.estimators.prediction import Prediction, joined, rows_by, scattered
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real, map_fields
from costmodel.workload import Op

WIDE_OUTPUT_BYTES = 2.0
"""Products of narrow operands leave bf16 in what was measured; a convolution leaves its activations' format."""

OF_PIPE = {("bfloat16", "fp16"): "float16"}
"""What a family is called by measurements where its products run on another pipe than bf16."""


def predict(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """Predict one execution of each row; op and precision are batches of one length. nan where the pipe is missing.

    Weights that a sparse pipe takes may be multiplied zeros and all instead: the faster counts, unless it was measured.
    """
    found = _as_products(op, precision, gpu)
    rows = np.flatnonzero(library_convolutions.known(op, gpu) & (found.latency_s > 0.0))
    if not rows.size:
        return found
    own, used = map_fields(op, itemgetter(rows)), map_fields(precision, itemgetter(rows))
    zeros = (own.read_density < 1.0) & ~(sparse_pipe.speedup(own, used.math_pipe, gpu) > 1.0)
    own = _filled(own, zeros)
    called = library_convolutions.predict(own, used, gpu, _kind(own, used, gpu), zeros)
    return scattered([(np.arange(len(op.m)), found), (rows, called)], len(op.m))


def _as_products(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    pruned = (op.read_density < 1.0) & ~_is_grouped_convolution(op)
    sparse = pruned & (sparse_pipe.speedup(op, precision.math_pipe, gpu) > 1.0)
    found = _predicted(op, precision, gpu, filled=pruned & ~sparse)
    rows = np.flatnonzero(sparse & ~np.char.startswith(np.asarray(found.how).astype(str), "calibrated"))
    if not rows.size:
        return found
    taken = itemgetter(rows)
    every = np.ones(len(rows), dtype=np.bool_)
    other = _predicted(map_fields(op, taken), map_fields(precision, taken), gpu, filled=every)
    faster = np.flatnonzero(other.latency_s < found.latency_s[rows])
    everywhere = np.arange(len(pruned))
    parts = [(everywhere, found), (rows[faster], map_fields(other, itemgetter(faster)))]
    return scattered(parts, len(pruned))


def _predicted(op: Op, precision: Precision, gpu: Gpu, *, filled: NDArray[np.bool_]) -> Prediction:
    """Each row as it is stored, and where `filled` as if its zeros were weights too."""
    stored_bytes = _stored_bytes(op, precision)
    op = _filled(op, filled)
    kind = own_family.taken(_kind(op, precision, gpu), op, precision, gpu)
    grouped = _is_grouped_convolution(op)
    reasons = np.where(grouped, "grouped convolution", _reasons(op, precision, kind))
    has_pipe = gpu.peak_flops.of(kind.pipe) > 0
    known = np.flatnonzero(has_pipe)
    parts: list[tuple[NDArray[np.intp], Prediction]] = []
    for group in rows_by(kind.math[known], kind.pipe[known], reasons[known], filled[known]):
        rows = known[group]
        stored = stored_bytes[rows] if filled[rows[0]] else None
        parts.append((rows, _of_one_family(rows, op, precision, kind, gpu, stored, because=str(reasons[rows[0]]))))
    return scattered(parts, len(reasons))


def _filled(op: Op, filled: NDArray[np.bool_]) -> Op:
    """The rows with their zeros as weights where `filled`."""
    return replace(
        op,
        weight_density=np.where(filled, 1.0, op.weight_density),
        stored_density=np.where(filled, 0.0, op.stored_density),
        weight_block=np.where(filled, 0.0, op.weight_block),
        index_bits=np.where(filled, 0.0, op.index_bits),
    )


def _of_one_family(
    rows: NDArray[np.intp], op: Op, precision: Precision, kind: GemmKind, gpu: Gpu, stored_bytes: Real | None, *,
    because: str,
) -> Prediction:  # fmt: skip
    op = map_fields(op, lambda column: column[rows])
    if because == "grouped convolution":
        used = map_fields(precision, lambda column: column[rows])
        return fitted_roofline.predict(op, used, gpu, because=f"{because}: none measured")
    one = {f.name: getattr(kind, f.name)[rows] for f in fields(kind)}
    one |= {name: one[name][0] for name in ("math", "pipe", "weight_only", "dynamic")}
    shape, family = (op.m, op.n, op.k), GemmKind(**one)
    if because:
        found = borrowed(*shape, op.b, family, gpu, because=because)
    else:
        named = OF_PIPE.get((str(family.math), str(family.pipe)), family.math)
        found = measured(*shape, replace(family, math=named), gpu, backend=gpu.backend)
    return found if stored_bytes is None else zeros_multiplied.predict(found, *shape, op.b, family, stored_bytes, gpu)


def _kind(op: Op, precision: Precision, gpu: Gpu) -> GemmKind:
    """The kind of each row's product with its stored bytes an element; without weights both operands are activations.

    Convolutions are library kernels: weights that need it come dequantised, int8 and fp8 activations quantised.
    """
    weighted, conv = op.weight_elements > 0, _is_convolution(op)
    kv, pipe = precision.kv_cache, attention_pipe(precision, gpu)
    sides = [gemm_kind.of(precision), gemm_kind.of(replace(precision, weight=kv, activation=kv, math_pipe=pipe))]
    kind = GemmKind(**{f.name: _chosen(weighted, *(getattr(side, f.name) for side in sides)) for f in fields(GemmKind)})
    patches = np.minimum(op.input_elements / (op.b * op.m * op.k), 1.0)
    return replace(
        kind,
        math=np.where(conv, "bfloat16", kind.math),
        weight_only=kind.weight_only & ~conv,
        dynamic=kind.dynamic & ~conv,
        weight_bytes=np.where(weighted, _stored_bytes(op, precision), kind.weight_bytes),
        output_bytes=np.where(conv, kind.activation_bytes, np.maximum(kind.activation_bytes, WIDE_OUTPUT_BYTES)),
        activation_reads=np.where(conv, patches, 1.0),
        speedup=np.broadcast_to(sparse_pipe.speedup(op, kind.pipe, gpu), conv.shape),
        tensor_units=~vector_units.multiply(kind.pipe, gpu),
    )


def _stored_bytes(op: Op, precision: Precision) -> Real:
    """Bytes of the stored weights and their places over the elements of the whole matrix."""
    return (traffic.weight_bits(op, precision) + op.index_bits) / traffic.BITS_PER_BYTE * op.read_density


def _chosen(weighted: NDArray[np.bool_], yes: Real, no: Real) -> Real:
    return np.where(weighted, *(np.broadcast_to(np.asarray(x), weighted.shape) for x in (yes, no)))


def _reasons(op: Op, precision: Precision, kind: GemmKind) -> NDArray[np.str_]:
    """Why no measured products are quite like each row's, "" where some are."""
    widths = gemm_kind.is_measured(_dense(op, kind))
    reasons = {
        "convolution as implicit product": _is_convolution(op),
        "grouped product": op.b > 1,
        "recurrent step": op.kind == "recurrence",
        "sparse pipe": (kind.speedup > 1.0) & (kind.math != own_family.SPARSE),
        "no such widths measured": ~widths,
        "no such codes measured": widths & (op.weight_elements > 0) & ~gemm_kind.as_encoded(kind.math, precision),
    }
    return joined(reasons, len(op.m))


def _dense(op: Op, kind: GemmKind) -> GemmKind:
    kept = np.where(kind.math == own_family.SPARSE, 1.0, op.read_density)
    return replace(kind, weight_bytes=kind.weight_bytes / kept)


def _is_grouped_convolution(op: Op) -> NDArray[np.bool_]:
    return np.asarray(_is_convolution(op) & (op.b > 1))


def _is_convolution(op: Op) -> NDArray[np.bool_]:
    return np.char.startswith(np.asarray(op.kind).astype(str), "conv")
