"""Compute what an ONNX model computes of its own shapes, which onnx's inference follows through few operators alone."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

SMALL = 1024
"""Elements that a tensor has at most that is computed."""
MAX_INPUTS = 64
OF_SHAPES = ("Shape", "Size")
TENSOR = 4
"""Of AttributeProto.AttributeType."""
_COMPUTED = """
    Abs Add And Cast Ceil Concat Div Equal Floor Gather Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul
    Neg Not Or Pow ReduceMax ReduceMin ReduceProd ReduceSum Reshape Slice Sqrt Squeeze Sub Transpose Unsqueeze Where
"""
COMPUTED = frozenset(_COMPUTED.split())
"""Operators whose results are no larger than all their inputs together broadcast."""


def fold(model: Any, shapes: Mapping[str, Sequence[int]]) -> bool:
    """Turn integers that are known from known shapes and stored tensors into constants; return whether there are any.

    The model's nodes are in order.
    """
    from onnx import numpy_helper

    graph = model.graph
    versions = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    stored |= {n.output[0]: a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute if a.type == TENSOR}
    small = {name: tensor for name, tensor in stored.items() if math.prod(tensor.dims) <= SMALL}
    values = {name: numpy_helper.to_array(tensor) for name, tensor in small.items()}
    found = False
    for node in graph.node:
        value = _value(node, shapes, values, versions)
        if value is None or value.size > SMALL:
            continue
        values[node.output[0]] = value
        if value.dtype == "int64":
            _hold(node, numpy_helper.from_array(value))
            found = True
    return found


def _value(
    node: Any, shapes: Mapping[str, Sequence[int]], values: Mapping[str, Any], versions: Mapping[str, int]
) -> Any:
    """The array that a node gives, None where it is not known or large."""
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    if not _is_computed(node, shapes if node.op_type in OF_SHAPES else values):
        return None
    try:
        with np.errstate(all="ignore"):
            if node.op_type in OF_SHAPES:
                feeds = {name: np.broadcast_to(np.int8(0), shapes[name]) for name in node.input}
            else:
                feeds = {name: values[name] for name in node.input if name}
            if node.op_type == "ConstantOfShape" and math.prod(map(int, feeds[node.input[0]])) > SMALL:
                return None
            (value,) = ReferenceEvaluator(node, opsets=dict(versions)).run(None, feeds)
    except Exception:
        return None
    return np.asarray(value)


def _is_computed(node: Any, known: Collection[str]) -> bool:
    """Whether all is known that a node reads, and what it does is understood."""
    plain = node.domain in ("", "ai.onnx") and len(node.output) == 1 and len(node.input) <= MAX_INPUTS
    understood = node.op_type in (*COMPUTED, *OF_SHAPES, "ConstantOfShape")
    return plain and understood and all(name in known for name in node.input if name)


def _hold(node: Any, tensor: Any) -> None:
    """Make a node a constant."""
    node.op_type, node.domain = "Constant", ""
    del node.input[:]
    del node.attribute[:]
    held = node.attribute.add()
    held.name, held.type = "value", TENSOR
    held.t.CopyFrom(tensor)
