"""Take the weights out of an ONNX model: costs need their shapes alone."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.importers._value import Shape

SMALL = 1024
"""Initializers of so few elements stay: they may be the shape that a Reshape reads."""
MAX_ELEMENTS = 2**50
MAX_EMBEDDED = 2**33
"""Elements of a tensor within the file: a protobuf message has at most 2 GiB, a quarter of a byte an element."""
MAX_RANK = 64
EXTERNAL = 1
NOT_PARAMETERS = (7, 8, 9)
"""INT64, STRING and BOOL of TensorProto.DataType: indices and shapes, not weights."""
REAL = {1: "<f4", 10: "<f2", 11: "<f8"}
"""numpy's types of TensorProto.DataType."""


def strip(graph: Any) -> dict[str, Shape]:
    """Turn large and external tensors into inputs of their shape; return the shapes of all that may be parameters.

    Data in other files is never opened. ValueError for impossible shapes, and for such data inside a subgraph or
    outside of the file's folder.
    """
    within = [(node.output[0], _value(node)) for node in graph.node if _value(node) is not None and node.output]
    tensors = [(tensor.name, tensor) for tensor in graph.initializer] + within
    shapes = {name: checked(name, tensor.dims) for name, tensor in tensors}
    for name, tensor in tensors:
        _refuse_elsewhere(name, tensor)
        if tensor.data_location != EXTERNAL and math.prod(shapes[name]) > MAX_EMBEDDED:
            raise ValueError(f"tensor {name!r} cannot be within the file at dimensions {list(shapes[name][:8])}")
    gone = {name: t.data_type for name, t in tensors if t.data_location == EXTERNAL or math.prod(shapes[name]) > SMALL}
    filled = {name for name, tensor in within if math.prod(shapes[name]) == 1 or _holds(tensor)}
    constants = filled | {name for name, tensor in tensors if is_mask(tensor)} | _neutral(graph, dict(tensors))
    numbers = {n: shapes[n] for n, tensor in tensors if tensor.data_type not in NOT_PARAMETERS and n not in constants}
    keep(graph.initializer, lambda tensor: tensor.name not in gone)
    keep(graph.input, lambda value: value.name not in gone)
    keep(graph.node, lambda node: _value(node) is None or not node.output or node.output[0] not in gone)
    for name, data_type in gone.items():
        declare(graph, name, data_type, shapes[name])
    _refuse_external(graph)
    return numbers


def is_mask(tensor: Any) -> bool:
    """Whether a tensor within the file holds minus infinity or the least number of its type: nothing learned does."""
    numbers = _numbers(tensor)
    return bool(numbers.size and numbers.min() <= np.finfo(numbers.dtype).min)


def _numbers(tensor: Any) -> NDArray[Any]:
    """The real numbers of a tensor within the file, none where it has others or they are elsewhere."""
    real = np.dtype(REAL.get(tensor.data_type, "V1"))
    if real.kind != "f" or not tensor.raw_data or len(tensor.raw_data) % real.itemsize:
        return np.zeros(0)
    return np.frombuffer(tensor.raw_data, real)


def _holds(tensor: Any, value: float | None = None) -> bool:
    """Whether a tensor holds one number alone, which is `value` if that is given."""
    numbers = _numbers(tensor)
    return bool(numbers.size and numbers.min() == numbers.max() and value in (None, numbers[0]))


def _neutral(graph: Any, tensors: Mapping[str, Any]) -> set[str]:
    """Scales of 1 and shifts of 0 of an instance norm between reshapes: part of a group norm, whose own follow."""
    reshapes = [node for node in graph.node if node.op_type == "Reshape" and node.output and node.input]
    before, after = {node.output[0] for node in reshapes}, {node.input[0] for node in reshapes}
    norms = [node for node in graph.node if node.op_type == "InstanceNormalization" and len(node.input) == 3]
    parts = [node for node in norms if node.input[0] in before and after.intersection(node.output)]
    given = [pair for node in parts for pair in zip(node.input[1:], (1.0, 0.0), strict=True)]
    return {name for name, value in given if name in tensors and _holds(tensors[name], value)}


def checked(name: str, dims: Any) -> Shape:
    """The dimensions as a shape; ValueError where no tensor can have them."""
    shape = tuple(int(d) for d in dims)
    if len(shape) > MAX_RANK or any(d < 0 for d in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"tensor {name!r} has impossible dimensions {list(shape[:8])}")
    return shape


def nodes(graph: Any) -> Iterator[Any]:
    """Every node of a graph and of the graphs in its nodes' attributes."""
    waiting = [graph]
    while waiting:
        for node in waiting.pop().node:
            yield node
            for attribute in node.attribute:
                waiting += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]


def require_text(graph: Any) -> None:
    """ValueError where a name in the graph is not UTF-8, which protobuf hands over as bytes."""
    named = [*graph.input, *graph.output, *graph.value_info, *graph.initializer]
    dims = [dim for value in graph.input for dim in value.type.tensor_type.shape.dim]
    texts = [value.name for value in named] + [dim.dim_param for dim in dims]
    for node in nodes(graph):
        texts += [node.name, node.op_type, node.domain, *node.input, *node.output]
        texts += [text for entry in node.metadata_props for text in (entry.key, entry.value)]
        texts += [attribute.name for attribute in node.attribute]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("it holds a name that is not text")


def _value(node: Any) -> Any:
    """The tensor of a Constant node, None for any other."""
    held = [a.t for a in node.attribute if a.HasField("t")] if node.op_type == "Constant" else []
    return held[0] if held else None


def _refuse_elsewhere(name: str, tensor: Any) -> None:
    """ValueError where a tensor's data is in a file outside of the model's folder, as onnx refuses to load it."""
    if tensor.data_location != EXTERNAL:
        return
    for place in (os.fsdecode(entry.value) for entry in tensor.external_data if entry.key == "location"):
        if PurePosixPath(place).is_absolute() or PureWindowsPath(place).anchor or ".." in PureWindowsPath(place).parts:
            raise ValueError(f"tensor {name!r} has its data outside of the file's folder, in {place[:60]!r}")


def _refuse_external(graph: Any) -> None:
    for node in nodes(graph):
        held = [a.t for a in node.attribute if a.HasField("t")] + [t for a in node.attribute for t in a.tensors]
        held += [t for a in node.attribute for g in (a.g, *a.graphs) for t in g.initializer]
        if any(tensor.data_location == EXTERNAL for tensor in held):
            raise ValueError(f"node {node.name!r} holds a tensor whose data is in another file")


def declare(graph: Any, name: str, data_type: int, shape: Shape) -> None:
    """Add an input of that type and shape, which stands for a stored tensor."""
    declared = graph.input.add()
    declared.name = name
    declared.type.tensor_type.elem_type = data_type
    declared.type.tensor_type.shape.SetInParent()
    for size in shape:
        declared.type.tensor_type.shape.dim.add().dim_value = size


def keep(field: Any, wanted: Callable[[Any], bool]) -> None:
    """Delete the elements of a repeated field that are not wanted."""
    if not all(wanted(value) for value in field):
        kept = [type(value).FromString(value.SerializeToString()) for value in field if wanted(value)]
        del field[:]
        field.extend(kept)
