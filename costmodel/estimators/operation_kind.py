"""OperationKind: what runs as one call of a library, sorted into families that were measured alike."""

from dataclasses import dataclass

import numpy as np

from costmodel.catalog import require
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

FAMILIES = (
    "linear", "conv", "conv_grouped", "attention", "norm", "norm_statistics", "activation", "activation_rich",
    "activation_gelu", "elementwise", "pooling", "pooling_global", "softmax", "embedding",
)  # fmt: skip
"""norm scales alone (batch norm at inference), norm_statistics finds mean and variance first; an activation_rich has
more than RICH vector FLOPs an element, an activation_gelu at least GELU; pooling_global has no window."""

RICH, GELU = 2.0, 8.0

DTYPES = {"fp32": 4.0, "bf16": 2.0, "int8": 1.0}
"""Bytes an element, by the name of the pipe."""


@dataclass(frozen=True)
class OperationKind:
    """Bytes an element of activations and of weights, and the pipe; `math` names the measured family."""

    math: str
    activation_bytes: Real
    weight_bytes: Real
    pipe: str


KINDS = {
    f"{family}_{pipe}": OperationKind(
        f"{family}_{pipe}", size if family != "linear" or pipe != "int8" else 4.0, size, pipe
    )
    for family in FAMILIES
    for pipe, size in DTYPES.items()
    if pipe != "int8" or family == "linear"
}
"""Activations of int8 linear layers are fp32 in memory: torch quantises them in the call (dynamic quantisation)."""

NEAREST: dict[str, str] = {}


def named(math: str) -> OperationKind:
    """The kind of that `math`; UnknownNameError lists near names."""
    return KINDS[require("kind of operation", math, KINDS)]


def family(op: Op) -> str:
    """The measured family that one op belongs to, "" if to none."""
    if op.kind in ("linear", "matmul") and op.weight_elements and op.b == 1:
        return "linear"
    richness = float(op.vector_flops) / max(float(op.output_elements), 1.0)
    rich = richness > RICH
    names = {
        "conv": "conv_grouped" if op.b > 1 else "conv",
        "norm": "norm_statistics" if rich else "norm",
        "activation": ("activation_gelu" if richness >= GELU else "activation_rich") if rich else "activation",
        "pooling": "pooling" if float(area(op)) > 1.0 else "pooling_global",
        **{name: name for name in ("attention", "elementwise", "softmax", "embedding")},
    }
    return names.get(str(op.kind), "")


def math(op: Op, precision: Precision) -> str:
    """The name of the kind of one op at one precision, "" where nothing like it is measured."""
    name = family(op)
    weight, activation = precision.weight.name, precision.activation.name
    if name == "linear" and (weight, activation) == ("int8", "int8"):
        return "linear_int8"
    used = activation if not op.weight_elements or weight == activation else ""
    return f"{name}_{used}" if name and used in DTYPES and used != "int8" else ""


def area(op: Op) -> Real:
    """Positions of the window: 1 for what has none."""
    return np.asarray(op.window.kernel_height) * np.asarray(op.window.kernel_width)
