"""OperationKind: what runs as one call of a library, sorted into families that were measured alike."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op
from costmodel.workload.gradients import BACKWARD_VECTOR_FLOPS
from costmodel.workload.op import BY_INPUT, BY_WEIGHT, FORWARD

FAMILIES = (
    "linear", "conv", "conv_grouped", "conv_wide_groups", "attention", "norm", "norm_statistics", "activation",
    "activation_rich", "activation_gelu", "elementwise", "pooling", "pooling_global", "softmax", "embedding",
)  # fmt: skip
GRADIENTS = (
    "conv_grad_weight", "conv_grad_input", "conv_grouped_grad_weight", "conv_grouped_grad_input",
    "conv_wide_groups_grad_weight", "conv_wide_groups_grad_input", "norm_training", "norm_grad", "norm_statistics_grad",
    "activation_grad", "activation_rich_grad", "activation_gelu_grad", "attention_grad", "pooling_grad",
)  # fmt: skip
"""Calls that training makes beside those of a forward pass."""

"""norm scales alone (batch norm at inference), norm_statistics finds mean and variance first; an activation_rich has
more than RICH vector FLOPs an element, an activation_gelu at least GELU; pooling_global has no window."""

RICH, GELU, STATISTICS = 2.0, 8.0, 3.5
"""Vector FLOPs an element from which on activations and norms are of those families; gradients that are added up add
few."""

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
    for family in (*FAMILIES, *GRADIENTS)
    for pipe, size in DTYPES.items()
    if pipe != "int8" or family == "linear"
}
"""Activations of int8 linear layers are fp32 in memory: torch quantises them in the call (dynamic quantisation)."""

NEAREST: dict[str, str] = {}
"""Families of whole fits whose constants serve others where no device has any: none."""

BASES = {
    name: name.split("_grad_")[0].removesuffix("_training").removesuffix("_grad").replace("_wide_groups", "_grouped")
    for name in ("conv_wide_groups", *GRADIENTS)
}
"""The family as which those are taken that a device did not measure."""


def named(math: str) -> OperationKind:
    """The kind of that `math`; UnknownNameError lists near names."""
    return KINDS[require("kind of operation", math, KINDS)]


def family(op: Op) -> NDArray[np.str_]:
    """The measured family of each row of a batch of ops, "" where it is none."""
    kind, role = np.asarray(op.kind).astype(str), np.asarray(op.role).astype(str)
    by_input, by_weight = role == BY_INPUT, role == BY_WEIGHT
    richness = op.vector_flops / np.maximum(op.output_elements, 1.0) / np.where(by_input, BACKWARD_VECTOR_FLOPS, 1.0)
    rich = richness > RICH
    linear = np.isin(kind, ("linear", "matmul")) & (op.weight_elements > 0) & (op.b == 1)
    names = {
        "linear": linear,
        "conv_wide_groups": (kind == "conv") & (op.b > 1) & (_group_width(op, by_input, by_weight) > 1.0),
        "conv_grouped": (kind == "conv") & (op.b > 1),
        "conv": kind == "conv",
        "norm_statistics": (kind == "norm") & (richness > STATISTICS),
        "norm": kind == "norm",
        "activation_gelu": (kind == "activation") & (richness >= GELU),
        "activation_rich": (kind == "activation") & rich,
        "activation": kind == "activation",
        "pooling": (kind == "pooling") & (area(op) > 1.0),
        "pooling_global": kind == "pooling",
        **{name: kind == name for name in ("attention", "elementwise", "softmax", "embedding")},
    }
    base = np.select(list(names.values()), list(names), "")
    convolves = np.char.startswith(base, "conv")
    ends = {
        "_grad_weight": convolves & by_weight,
        "_grad_input": convolves & by_input,
        "_grad": by_input,
        "_training": (base == "norm") & (role == FORWARD),
    }
    ended = np.char.add(base, np.select(list(ends.values()), list(ends), ""))
    return np.where(np.isin(ended, GRADIENTS), ended, base)


def math(
    op: Op, precision: Precision, has: Collection[str] | None = None, bases: Mapping[str, str] = BASES
) -> NDArray[np.str_]:
    """The name of the kind of each row of batches of one length, "" where nothing like it is measured.

    Kinds that are not among those a device `has` are those of `bases`.
    """
    name = family(op)
    weight, activation = (np.asarray(side.name).astype(str) for side in (precision.weight, precision.activation))
    same = (op.weight_elements == 0) | (weight == activation)
    if has is not None:
        ends = np.char.add("_", activation)
        for own, base in bases.items():
            name = np.where((name == own) & ~np.isin(np.char.add(own, ends), list(has)), base, name)
    found = np.where((name != "") & same, np.char.add(np.char.add(name, "_"), activation), "")
    return np.where(np.isin(found, list(KINDS)), found, "")


def _group_width(op: Op, by_input: NDArray[np.bool_], by_weight: NDArray[np.bool_]) -> Real:
    """Channels of a group of a convolution or its gradient, the more of those read and made."""
    inward = np.where(by_input, op.n, np.where(by_weight, op.m, op.k)) / area(op)
    return np.maximum(inward, np.where(by_input, op.k, op.n))


def area(op: Op) -> Real:
    """Positions of the window: 1 for what has none."""
    return np.asarray(op.window.kernel_height) * np.asarray(op.window.kernel_width)
