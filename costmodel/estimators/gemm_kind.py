"""GemmKind: which operands a matrix product has, and the measured family that its calibration comes from."""

from dataclasses import dataclass

import numpy as np

from costmodel.catalog import require
from costmodel.precision import Precision
from costmodel.record import Real


@dataclass(frozen=True)
class GemmKind:
    """Stored bytes an element of both operands, the pipe that multiplies them, and the work around the product.

    `weight_only` dequantises weights on their way to a wider pipe, `dynamic` quantises the activation first; `math`
    names the family of measurements whose constants apply. `activation_reads` is the part of the (m, k) operand that
    memory holds (a convolution's patches overlap), `speedup` the rate of a sparse pipe over the dense one.
    `tensor_units` is false where vector units take constants that were fitted on tensor units.
    """

    math: Real
    activation_bytes: Real
    weight_bytes: Real
    pipe: Real
    weight_only: Real = False
    dynamic: Real = False
    output_bytes: Real = 2.0
    activation_reads: Real = 1.0
    speedup: Real = 1.0
    tensor_units: Real = True


KINDS = {
    kind.math: kind
    for kind in (
        GemmKind("bfloat16", 2.0, 2.0, "bf16"),
        GemmKind("fp8", 1.0, 1.0, "fp8", dynamic=True),
        GemmKind("fp8_static", 1.0, 1.0, "fp8"),
        GemmKind("fp8_block", 1.0, 1.0, "fp8", dynamic=True),
        GemmKind("int8_wo", 2.0, 1.0, "bf16", weight_only=True),
        GemmKind("int4_wo", 2.0, 0.5, "bf16", weight_only=True),
        GemmKind("sq", 1.0, 1.0, "int8"),
        GemmKind("float16", 2.0, 2.0, "fp16"),
        GemmKind("float32", 4.0, 4.0, "fp32", output_bytes=4.0),
        GemmKind("tf32", 4.0, 4.0, "tf32", output_bytes=4.0),
        GemmKind("bfloat16_24", 2.0, 1.125, "bf16", speedup=2.0),
        GemmKind("fp6_wo", 2.0, 0.75, "bf16", weight_only=True),
        GemmKind("fp4_wo", 2.0, 0.5, "bf16", weight_only=True),
    )
}
"""The kinds of the measurement files' `math` column; output in bf16, but fp32 where that is multiplied. bfloat16_24 has
2:4 sparse weights with 2 bits of place each kept one."""


NEAREST = {
    "fp8_block": "fp8", "fp8_static": "fp8", "float16": "bfloat16", "tf32": "bfloat16", "float32": "bfloat16",
    "bfloat16_24": "bfloat16", "fp6_wo": "int8_wo", "fp4_wo": "int4_wo",
}  # fmt: skip
"""The kind whose constants serve where no device but one has measured a kind."""


SIBLINGS = {"float16": "bfloat16"}
"""Kinds of the same bytes, rates of the tensor units and library."""


SAME_RATE = {"bf16": ("fp16",)}
"""Pipes that multiply elements of the same size at the same rate: what holds for one holds for the other."""

SCALES_SHARE = 0.2
"""Share of an operand's bytes that scales of its groups may be: int4 in groups of 32 with 16-bit scales has 12 %."""

BLOCK = 128
"""Elements along k that share a scale in the measured fp8 products of blocks."""


def named(math: str) -> GemmKind:
    """The kind of that `math`; UnknownNameError lists near names."""
    return KINDS[require("math", math, KINDS)]


def alike(math: str) -> str:
    """What a kind does beside multiplying, which a device's kernels do alike in all kinds that do it; "" nothing."""
    kind = KINDS[math]
    return "dequantises weights" if kind.weight_only else "quantises activations" if kind.dynamic else ""


def of(precision: Precision) -> GemmKind:
    """The kind of a product at a precision, or of each of a batch: its own bytes and pipe, the nearest family."""
    weight, activation, pipe = precision.weight, precision.activation, precision.math_pipe
    weight_only = (weight.bits < activation.bits) & (activation.bits >= 16)
    narrow_float = _among(pipe, "fp8", "fp6", "fp4")
    families = {
        "int8_wo": weight_only & (weight.bits > 4),
        "int4_wo": weight_only,
        "sq": _among(pipe, "int8", "int4"),
        "fp8_block": narrow_float & (weight.group_size > 1),
        "fp8": narrow_float,
    }
    found = np.select(list(np.broadcast_arrays(*families.values())), list(families), "bfloat16")
    math: Real = found if found.ndim else str(found)
    dynamic = _among(math, "fp8", "fp8_block")
    return GemmKind(math, activation.bits_per_element / 8, weight.bits_per_element / 8, pipe, weight_only, dynamic)


def as_encoded(math: Real, precision: Precision) -> Real:
    """Whether a family was measured with formats of these encodings and groups, or each of a batch.

    int8 and int4 weights were integers, whose dequantisation is a shift and a multiplication, fp8 blocks of 128 x 128;
    other codes, and smaller groups, are other kernels.
    """
    weight, activation = precision.weight, precision.activation
    needs = {
        "int8_wo": _among(weight.encoding, "integer"),
        "int4_wo": _among(weight.encoding, "integer"),
        "sq": _among(weight.encoding, "integer") & _among(activation.encoding, "integer"),
        "fp8_block": np.greater_equal(weight.group_size, BLOCK),
    }
    wrong = [_among(math, family) & ~np.asarray(right) for family, right in needs.items()]
    return ~np.any(np.stack(np.broadcast_arrays(*wrong)), axis=0)


def is_measured(kind: GemmKind) -> Real:
    """Whether a kind, or each of a batch, is what was measured for its family: pipe and bytes, scales aside."""
    same = [
        (kind.math == family.math)
        & _among(kind.pipe, family.pipe, *SAME_RATE.get(str(family.pipe), ()))
        & (np.abs(kind.activation_bytes / family.activation_bytes - 1.0) < SCALES_SHARE)
        & (np.abs(kind.weight_bytes / family.weight_bytes - 1.0) < SCALES_SHARE)
        for family in KINDS.values()
    ]
    return np.any(np.stack(np.broadcast_arrays(*same)), axis=0)


def _among(value: Real, *names: str) -> Real:
    return np.any([np.asarray(value) == name for name in names], axis=0)[()]
