"""OperationKind: what runs as one call of a library, sorted into families that were measured alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def family(op: Op) -> NDArray[np.str_]:
    """The measured family of each row of a batch of ops, "" where it is none."""
    kind = np.asarray(op.kind).astype(str)
    richness = op.vector_flops / np.maximum(op.output_elements, 1.0)
    rich = richness > RICH
    linear = np.isin(kind, ("linear", "matmul")) & (op.weight_elements > 0) & (op.b == 1)
    names = {
        "linear": linear,
        "conv_grouped": (kind == "conv") & (op.b > 1),
        "conv": kind == "conv",
        "norm_statistics": (kind == "norm") & rich,
        "norm": kind == "norm",
        "activation_gelu": (kind == "activation") & (richness >= GELU),
        "activation_rich": (kind == "activation") & rich,
        "activation": kind == "activation",
        "pooling": (kind == "pooling") & (area(op) > 1.0),
        "pooling_global": kind == "pooling",
        **{name: kind == name for name in ("attention", "elementwise", "softmax", "embedding")},
    }
    return np.select(list(names.values()), list(names), "")


def math(op: Op, precision: Precision) -> NDArray[np.str_]:
    """The name of the kind of each row of batches of one length, "" where nothing like it is measured."""
    name = family(op)
    weight, activation = (np.asarray(side.name).astype(str) for side in (precision.weight, precision.activation))
    same = (op.weight_elements == 0) | (weight == activation)
    found = np.where((name != "") & same, np.char.add(np.char.add(name, "_"), activation), "")
    return np.where(np.isin(found, list(KINDS)), found, "")


def area(op: Op) -> Real:
    """Positions of the window: 1 for what has none."""
    return np.asarray(op.window.kernel_height) * np.asarray(op.window.kernel_width)
