"""Losses of an imported graph, unfused as torch runs them: log-probabilities are made, kept, and picked from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from costmodel.importers._assembly import Cost
from costmodel.importers._aten_rules import Call
from costmodel.importers._value import Value
from costmodel.workload import ops

Add = Callable[[Cost, Sequence[Value]], str]
"""Appends an op that reads the given values, and returns its name."""

_PICKING = frozenset(("nll_loss", "nll_loss_nd", "nll_loss2d"))
_FLOPS = {
    "mse_loss": 3.0, "l1_loss": 3.0, "smooth_l1_loss": 5.0, "huber_loss": 5.0, "soft_margin_loss": 4.0,
    "hinge_embedding_loss": 3.0, "binary_cross_entropy": 8.0, "binary_cross_entropy_with_logits": 8.0, "kl_div": 4.0,
    "poisson_nll_loss": 4.0,
}  # fmt: skip
"""Vector FLOPs an element of what is compared element by element, an exponential or logarithm counted as one."""

OPERATORS = frozenset(("cross_entropy_loss", *_PICKING, *_FLOPS))
"""The aten operators."""


def aten(call: Call, *, operator: str, add: Add) -> tuple[str, ...]:
    """Add the ops of a loss and return the name of the last; ValueError where shapes are not known."""
    scores, target = (call["self"] or call["input"], call["target"])
    if operator in _FLOPS:
        return (add(_compared((scores, target), call, _FLOPS[operator]), call.tensors),)
    if operator in _PICKING:
        return (add(_picked(scores, target, call), call.tensors),)
    softmax = replace(ops.softmax("log_softmax", scores.elements), input_elements=scores.stored)
    logs = Value(scores.dims, (add(Cost(softmax), (scores,)),))
    others = [value for value in call.tensors if value is not scores]
    by_share = target.dims == scores.dims or bool(call["label_smoothing"])
    cost = _compared((logs, target), call, 2.0) if by_share else _picked(logs, target, call)
    return (add(replace(cost, op=replace(cost.op, name="nll_loss")), (logs, *others)),)


def _compared(values: Sequence[Value], call: Call, flops: float) -> Cost:
    """What is computed of each element, added up."""
    elements = max(value.elements for value in values)
    op = ops.pooling("", sum(value.stored for value in values), call.elements)
    return Cost(
        replace(op, vector_flops=flops * elements, keeps_inputs=True, gradient_ratio=elements / op.input_elements)
    )


def _picked(logs: Value, target: Value, call: Call) -> Cost:
    """One log-probability of each target, added up: the gradient has zeros for the others."""
    picked = max(target.elements, 1)
    op = ops.pooling("", picked, call.elements)
    return Cost(replace(op, vector_flops=2.0 * picked, gradient_ratio=math.prod(logs.dims) / picked))
