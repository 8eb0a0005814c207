"""Read an ONNX file as a workload. Costs need shapes alone: no other file is opened."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from costmodel.catalog import UnknownNameError
from costmodel.files import require_file
from costmodel.importers import (
    _isolated,
    _onnx_blocks,
    _onnx_contributed,
    _onnx_dims,
    _onnx_formats,
    _onnx_infer,
    _onnx_node,
    _onnx_weights,
    _qonnx,
)  # fmt: skip
from costmodel.importers._assembly import Assembly
from costmodel.importers._onnx_walk import Walk
from costmodel.importers._value import Shape, Value, union
from costmodel.workload import Workload

MAX_FILE_BYTES = 2**31 - 1
"""What a protobuf message may hold."""
MAX_NODES = 250_000
TIMEOUT_S = 60.0
MEMORY_BYTES = 2 * 2**30
NO_SIZES: Mapping[str, int] = MappingProxyType({})


def read(
    path: str | Path, *, strict: bool = False, batch: int | None = None, shapes: Mapping[str, int] = NO_SIZES
) -> Workload:
    """Return one pass of the network in an ONNX file.

    A symbolic leading dimension of an input is the batch (1 unless given, as `covers` says); `shapes` gives other
    symbolic dimensions by name. A layer is named after its weight (a.b for a.b.weight), else after the torch module
    that torch.onnx notes at the node, else as the node is. Quantize and dequantize nodes cost nothing; what they,
    QONNX's quantisers and operands of integers state of the layers' formats is in the workload's `stated`. Stored
    tensors other than 64-bit integers are parameters where an op reads them; scalars in elementwise ops, running
    statistics, constants of one value and masks are not: what is compared with other constants, or holds minus
    infinity.

    ValueError in one line that names the file, for one that is malformed or too large, for a dimension without a size,
    or with `strict` where something is not counted.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    path = Path(path)
    try:
        model = _parsed(_bytes(path))
        quantised = _qonnx.read(model.graph)
        covers = _onnx_dims.resolve(model.graph, batch=batch, shapes=shapes)
        sizes, formats = _prepare(model, quantised)
        script, data = Path(_onnx_infer.__file__), model.SerializeToString()
        inferred = _isolated.run(script, data, timeout_s=TIMEOUT_S, memory_bytes=MEMORY_BYTES)
        found = _workload(_parsed(inferred).graph, sizes, path.stem, strict, formats)
    except UnknownNameError:
        raise
    except ValueError as problem:
        raise ValueError(f"{path}: {_onnx_node.clean(str(problem))}") from None
    return replace(found, covers=covers)


def _bytes(path: Path) -> bytes:
    require_file(path)
    size = path.stat().st_size
    if not 0 < size <= MAX_FILE_BYTES:
        raise ValueError(f"an ONNX file has 1 to {MAX_FILE_BYTES} bytes, got {size}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def _parsed(data: bytes) -> Any:
    """The model in a file's bytes."""
    try:
        import onnx
    except ImportError:
        raise ValueError("reading it needs the package onnx: pip install 'bitfront[onnx]'") from None
    try:
        model = onnx.load_model_from_string(data)
    except Exception:
        raise ValueError("it is no ONNX model, or only part of one") from None
    count = sum(1 for _ in _onnx_weights.nodes(model.graph)) + sum(len(f.node) for f in model.functions)
    if not len(model.graph.node) or count > MAX_NODES:
        raise ValueError(f"a model has 1 to {MAX_NODES} nodes, got {count}")
    _onnx_weights.require_text(model.graph)
    return model


def _prepare(model: Any, quantised: _qonnx.Stated) -> tuple[dict[str, int], _qonnx.Stated]:
    """Leave only shapes in the model; return the elements of what may be parameters, and all that is stated."""
    numbers = _onnx_weights.strip(model.graph)
    blocks = _onnx_blocks.make_plain(model.graph, numbers)
    lost = _onnx_contributed.make_plain(model) | blocks.lost
    sizes = {name: math.prod(shape) for name, shape in {**numbers, **blocks.shapes}.items() if name not in lost}
    layers = {output: (held, _qonnx.UNSTATED) for output, held in blocks.formats.items()}
    unread = (*quantised.unread, *blocks.unread)
    return sizes, replace(quantised, layers={**quantised.layers, **layers}, unread=unread)


def _workload(graph: Any, parameters: dict[str, int], name: str, strict: bool, quantised: _qonnx.Stated) -> Workload:
    known = [*graph.input, *graph.value_info, *graph.output]
    types = {value.name: value.type.tensor_type.elem_type for value in known}
    found: dict[str, Shape | None] = {value.name: _shape(value) for value in known}
    for tensor in graph.initializer:
        found[tensor.name] = tuple(tensor.dims)
        types[tensor.name] = tensor.data_type
    values = {n: Value(found[n], (_onnx_node.clean(n),)) for n in (value.name for value in graph.input)}
    values |= {t.name: Value(found[t.name]) for t in graph.initializer}
    values |= {n: Value(found.get(n), parameters=(n,)) for n in parameters}
    walk = Walk(Assembly(parameters), found, types, values)
    for node in graph.node:
        walk.node(node)
    tensors = _onnx_formats.Tensors(
        types, _qonnx.numbers(graph), walk.values, {o: n for n in graph.node for o in n.output}
    )
    formats = {**_onnx_formats.read(graph, tensors), **quantised.layers}
    quantised = replace(quantised, passing={**_onnx_formats.written(graph, tensors), **quantised.passing})
    walk.assembly.uncounted += [*_onnx_formats.unread(graph, tensors), *quantised.unread]
    walk.assembly.take(walk.masks)
    outputs = union(walk.values[o.name].sources for o in graph.output if o.name in walk.values)
    read = walk.assembly.workload(name, outputs=outputs, batch=_onnx_dims.batch_size(graph), strict=strict)
    return replace(read, stated=_stated(walk, graph, formats, quantised, read))


def _stated(
    walk: Walk, graph: Any, formats: Mapping[str, tuple[str, str]], quantised: _qonnx.Stated, read: Workload
) -> tuple[tuple[str, str], ...]:
    """What the file states by the ops' names; of a tensor passed on as it is, by the op that made it."""
    outputs = [output for node in graph.node for output in node.output]
    first = {source: output for output in reversed(outputs) for source in _sources(walk, output)}
    layers = {made[0]: pair for output, pair in formats.items() if (made := _sources(walk, output))}
    made_at = {output: source for source, output in first.items()}
    passing = {made_at[output]: pair for output, pair in quantised.passing.items() if output in made_at}
    return _qonnx.stated(layers, passing, read)


def _sources(walk: Walk, output: str) -> tuple[str, ...]:
    """The ops, or inputs of the network, whose results a tensor holds."""
    return walk.values[output].sources if output in walk.values else ()


def _shape(value: Any) -> Shape | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or not all(d.dim_value > 0 for d in tensor.shape.dim):
        return None
    return _onnx_weights.checked(value.name, [d.dim_value for d in tensor.shape.dim])
