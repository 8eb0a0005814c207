"""GemmKind: which operands a matrix product has, and the measured family that its calibration comes from."""

from dataclasses import dataclass

from costmodel.catalog import require
from costmodel.precision import Precision
from costmodel.record import Real


@dataclass(frozen=True)
class GemmKind:
    """Stored bytes an element of both operands, the pipe that multiplies them, and the work around the product.

    `weight_only` dequantises weights on their way to a wider pipe, `dynamic` quantises the activation first; `math`
    names the family of measurements whose constants apply.
    """

    math: Real
    activation_bytes: Real
    weight_bytes: Real
    pipe: Real
    weight_only: Real = False
    dynamic: Real = False


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
    )
}
"""The kinds of the measurement files' `math` column; output in bf16."""


NEAREST = {"fp8_block": "fp8", "fp8_static": "fp8"}
"""The kind whose constants serve where no device but one has measured a kind."""


def named(math: str) -> GemmKind:
    """The kind of that `math`; UnknownNameError lists near names."""
    return KINDS[require("math", math, KINDS)]


def of(precision: Precision) -> GemmKind:
    """The kind of a product at a precision: its own bytes and pipe, and the nearest measured family."""
    activation, weight = precision.activation.bits_per_element / 8, precision.weight.bits_per_element / 8
    weight_only = precision.weight.bits < precision.activation.bits and precision.activation.bits >= 16
    pipe = precision.math_pipe
    if weight_only:
        math = "int8_wo" if precision.weight.bits > 4 else "int4_wo"
    elif pipe in ("int8", "int4"):
        math = "sq"
    elif pipe in ("fp8", "fp6", "fp4"):
        math = "fp8_block" if precision.weight.group_size > 1 else "fp8"
    else:
        math = "bfloat16"
    return GemmKind(math, activation, weight, pipe, weight_only, math in ("fp8", "fp8_block"))
