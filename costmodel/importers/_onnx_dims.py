"""Give every dimension of an ONNX model's inputs a size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from costmodel.catalog import require
from costmodel.importers._onnx_node import clean
from costmodel.importers._onnx_rnn import CELLS
from costmodel.importers._onnx_weights import checked

SHOWN_INPUTS = 4
"""Inputs whose shapes are said in words; of more, only how many."""


def resolve(graph: Any, *, batch: int | None, shapes: Mapping[str, int]) -> str:
    """Set the symbolic dimensions of the inputs, and of all that is declared by the same name; say what was taken.

    A dimension without a size that is first wherever it occurs (second in what a recurrent layer reads with time first)
    is the batch (1 unless given); others take their size from `shapes` by name, or by "input[axis]" where they have
    none. ValueError for a size that is missing, impossible, or fixed by the file.
    """
    axes = _batch_axes(graph)
    named = [(name, axis == axes[v.name], dim) for v in _inputs(graph) for axis, name, dim in _dims(v)]
    unsized = [(name, first, dim) for name, first, dim in named if not dim.HasField("dim_value")]
    for name in shapes:
        require("dimension", name, (symbol for symbol, _, _ in unsized))
    leading = {name for name, first, _ in unsized if first} - {name for name, first, _ in unsized if not first}
    if batch is not None and not leading:
        _require_fixed(named, batch)
    sizes = dict.fromkeys(leading, batch or 1) | dict(shapes)
    assumed = sorted(leading - set(shapes)) if batch is None else []
    for name, _, dim in unsized:
        dim.dim_value = _size(name, sizes)
    for value in _inputs(graph):
        _check(value)
    for value in (*graph.value_info, *graph.output):
        for _, name, dim in _dims(value):
            _settle(dim, sizes.get(name, 0))
    return _said(graph, assumed)


def batch_size(graph: Any) -> int:
    """The size of the batch of the first input that has one."""
    axes = _batch_axes(graph)
    return next((d.dim_value for v in _inputs(graph) for axis, _, d in _dims(v) if axis == axes[v.name]), 1)


def _batch_axes(graph: Any) -> dict[str, int]:
    """The axis of each input that counts examples: 1 where a recurrent layer reads it with time first, else 0."""
    time_first = {
        node.input[0]
        for node in graph.node
        if node.op_type in CELLS and node.input and not any(a.name == "layout" and a.i for a in node.attribute)
    }
    return {value.name: int(value.name in time_first) for value in _inputs(graph)}


def _said(graph: Any, assumed: Sequence[str]) -> str:
    """The inputs' shapes in words, and the batch that was taken where the file leaves it open."""
    inputs = [
        f"{clean(v.name)} of {' x '.join(str(dim.dim_value) for _, _, dim in _dims(v)) or 'one number'}"
        for v in _inputs(graph)
    ]
    shown = ", ".join(inputs) if len(inputs) <= SHOWN_INPUTS else f"{len(inputs)} inputs"
    open_ = f"; the file leaves the batch open ({', '.join(map(clean, assumed))}), 1 was taken" if assumed else ""
    return (f"one pass over {shown}" if inputs else "one pass, without an input") + open_


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
        raise ValueError(f"dimension {name!r} has no size in the file; give it one, as --dim '{clean(name)}=128'")
    if sizes[name] < 1:
        raise ValueError(f"dimension {name!r} must be at least 1, got {sizes[name]}")
    return sizes[name]


def _require_fixed(named: list[tuple[str, bool, Any]], batch: int) -> None:
    fixed = next((dim.dim_value for _, first, dim in named if first), batch)
    if fixed != batch:
        raise ValueError(f"the file fixes its batch at {fixed}, got batch={batch}")


def _check(value: Any) -> None:
    if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape"):
        raise ValueError(f"input {value.name!r} has no shape")
    dims = [dim.dim_value for _, _, dim in _dims(value)]
    if any(d < 1 for d in checked(value.name, dims)):
        raise ValueError(f"input {value.name!r} has impossible dimensions {dims[:8]}")
