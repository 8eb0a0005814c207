"""Give every dimension of an ONNX model's inputs a size."""

from collections.abc import Iterator, Mapping
from typing import Any

from costmodel.catalog import require
from costmodel.importers._onnx_weights import checked


def resolve(graph: Any, *, batch: int | None, shapes: Mapping[str, int]) -> None:
    """Set the symbolic dimensions of the inputs, and of all that is declared by the same name.

    A dimension without a size that leads wherever it occurs is the batch (1 unless given); others take their size from
    `shapes` by name, or by "input[axis]" where they have none. ValueError for a size that is missing, impossible, or
    fixed by the file.
    """
    named = [(name, axis, dim) for value in _inputs(graph) for axis, name, dim in _dims(value)]
    unsized = [(name, axis, dim) for name, axis, dim in named if not dim.HasField("dim_value")]
    for name in shapes:
        require("dimension", name, (symbol for symbol, _, _ in unsized))
    leading = {name for name, axis, _ in unsized if axis == 0} - {name for name, axis, _ in unsized if axis}
    if batch is not None and not leading:
        _require_fixed(named, batch)
    sizes = dict.fromkeys(leading, batch or 1) | dict(shapes)
    for name, _, dim in unsized:
        dim.dim_value = _size(name, sizes)
    for value in _inputs(graph):
        _check(value)
    for value in (*graph.value_info, *graph.output):
        for _, name, dim in _dims(value):
            _settle(dim, sizes.get(name, 0))


def leading_size(graph: Any) -> int:
    """The first dimension of the first input that has one: the batch."""
    return next((dim.dim_value for value in _inputs(graph) for _, _, dim in _dims(value)), 1)


def _inputs(graph: Any) -> list[Any]:
    """What the network is given: older files list stored tensors among the inputs too."""
    stored = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in stored]


def _dims(value: Any) -> Iterator[tuple[int, str, Any]]:
    """(axis, name, dimension) of a declared tensor; nameless ones are called input[axis]."""
    for axis, dim in enumerate(value.type.tensor_type.shape.dim):
        yield axis, dim.dim_param or f"{value.name}[{axis}]", dim


def _settle(dim: Any, size: int) -> None:
    """Replace a declared dimension's name by its size; inference finds those that have none."""
    if not dim.HasField("dim_value"):
        dim.Clear()
        if size:
            dim.dim_value = size


def _size(name: str, sizes: Mapping[str, int]) -> int:
    if name not in sizes:
        raise ValueError(f"dimension {name!r} has no size in the file; give it one by its name in shapes")
    if sizes[name] < 1:
        raise ValueError(f"dimension {name!r} must be at least 1, got {sizes[name]}")
    return sizes[name]


def _require_fixed(named: list[tuple[str, int, Any]], batch: int) -> None:
    fixed = next((dim.dim_value for _, axis, dim in named if axis == 0), batch)
    if fixed != batch:
        raise ValueError(f"the file fixes its batch at {fixed}, got batch={batch}")


def _check(value: Any) -> None:
    if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape"):
        raise ValueError(f"input {value.name!r} has no shape")
    dims = [dim.dim_value for _, _, dim in _dims(value)]
    if any(d < 1 for d in checked(value.name, dims)):
        raise ValueError(f"input {value.name!r} has impossible dimensions {dims[:8]}")
