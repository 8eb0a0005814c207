"""A process of its own that checks an ONNX model and infers its shapes: model in on stdin, model out on stdout.

The library that does it is C++ that trusts its input: a few bytes of nested calls, or a shape that is concatenated with
itself, make it fill any memory. Here it meets a limit, and takes nothing along when it falls.
"""

import contextlib
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

MOST_NODES = 50_000
"""Nodes in all rounds of inference together: each looks at all."""


def infer(model: bytes) -> bytes:
    """Return the model with local functions inlined and shapes inferred; raise what onnx raises on a malformed one.

    What the file declares of its intermediate results is taken where inference finds nothing: where they differ, onnx
    would find nothing either.
    """
    import onnx
    import onnx.inliner

    from costmodel.importers import _onnx_standins

    proto = onnx.load_model_from_string(model)
    if proto.functions:
        proto = onnx.inliner.inline_local_functions(proto)
    held = _onnx_standins.put(proto)
    _declare_outputs(proto.graph)
    onnx.checker.check_model(proto)
    declared = list(proto.graph.value_info)
    del proto.graph.value_info[:]
    for value in proto.graph.output:
        value.ClearField("type")
    inferred = _inferred(proto)
    known = {value.name for value in inferred.graph.value_info if _is_known(value)}
    missing = [value for value in declared if value.name not in known and _is_known(value)]
    if missing:
        _keep(inferred.graph, known, missing)
        inferred = _inferred(inferred)
    _onnx_standins.restore(inferred.graph, held)
    return bytes(inferred.SerializeToString())


def _declare_outputs(graph: Any) -> None:
    """Give results without a declared shape one, which the checker asks for and inference finds anew."""
    for value in graph.output:
        if not value.HasField("type"):
            value.type.tensor_type.elem_type = 1
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.shape.SetInParent()


def _inferred(model: Any) -> Any:
    """The model with shapes inferred, and those that are found once what it computes of others is known."""
    import onnx

    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for _ in range(MOST_NODES // len(model.graph.node)):
        shapes = _shapes(model.graph)
        if all(name in shapes for node in model.graph.node for name in node.output) or not _is_folded(model, shapes):
            break
        _keep(model.graph, shapes, ())
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return model


def _is_folded(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether something was found that the model computes of shapes."""
    from costmodel.importers._onnx_fold import fold

    return fold(model, shapes)


def _shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    """The shapes that are known, by name."""
    declared = [value for value in (*graph.input, *graph.value_info, *graph.output) if _is_known(value)]
    found = {value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in declared}
    return found | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}


def _keep(graph: Any, known: Collection[str], declared: Iterable[Any]) -> None:
    """Leave the declarations of known results, and add others."""
    found = [value for value in graph.value_info if value.name in known]
    del graph.value_info[:]
    graph.value_info.extend([*found, *declared])


def _is_known(value: Any) -> bool:
    tensor = value.type.tensor_type
    return tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim)


def _first_sentence(text: str) -> str:
    """The first line; where it names a node, with the two lines that onnx prints of that node."""
    lines = text.strip().splitlines() or [""]
    return " ".join(lines[:3] if lines[0].rstrip().endswith("node:") else lines[:1])


def main(memory_bytes: int, parent: int) -> int:
    """Serve one model to a process; an error is one line on stderr and exit status 1."""
    from costmodel.processes import end_with

    end_with(parent)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    try:
        sys.stdout.buffer.write(infer(sys.stdin.buffer.read()))
    except MemoryError:
        sys.stderr.write("its shapes need more memory than any network does")
        return 1
    except Exception as error:
        sys.stderr.write(_first_sentence(str(error)) or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
