"""A torch module as ONNX, as torch.onnx exports it."""

import copy
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
OPSET = 18


def exported(module: "torch.nn.Module", example: tuple[Any, ...]) -> Any:
    """Return the ONNX model of a module in evaluation mode on one example; ValueError where torch cannot export it.

    Norms stay nodes of their own, parameters keep their names, and convolutions without a bias have none.
    """
    import torch

    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise ValueError("writing it needs the packages onnx and onnxscript: pip install 'bitfront[onnx]'") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                copy.deepcopy(module).eval(), example, dynamo=True, optimize=False, opset_version=OPSET, verbose=False
            )
    except Exception as error:
        raise ValueError(
            f"torch.onnx cannot export {type(module).__name__}: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from None
    assert program is not None
    model = program.model_proto
    _drop_zero_biases(model.graph)
    return model


def _drop_zero_biases(graph: Any) -> None:
    """Take away the zeros that torch computes as the bias of a convolution without one, and what made them."""
    stored = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in LAYERS and len(node.input) > 2 and node.input[2] not in stored:
            del node.input[2:]
    kept = len(graph.node) + 1
    while len(graph.node) < kept:
        kept = len(graph.node)
        used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        live = [node for node in graph.node if used & set(node.output)]
        del graph.node[:]
        graph.node.extend(live)
