"""An ONNX graph of a torch module, in which layers are found by name and quantisers are put."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format, largest

if TYPE_CHECKING:
    import torch

DOMAIN = "qonnx.custom_op.general"
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
CARRIERS = ("Transpose", "Reshape", "Identity")
OPSET = 18


class Graph:
    """The forward pass of a module on one example, as torch.onnx exports it without folding norms into weights."""

    def __init__(self, module: "torch.nn.Module", example: tuple[Any, ...], metadata: Mapping[str, str]) -> None:
        self._model = _exported(module, example)
        self._model.opset_import.add(domain=DOMAIN, version=1)
        for key, value in metadata.items():
            self._model.metadata_props.add(key=key, value=value)
        self._graph = self._model.graph
        _drop_zero_biases(self._graph)
        self._stored = {tensor.name: tensor for tensor in self._graph.initializer}
        self._inputs: dict[tuple[Any, ...], str] = {}
        self._made: dict[str, list[Any]] = {}

    def set_weight(self, layer: str, weight: NDArray[Any], fmt: Format, scale: NDArray[Any]) -> None:
        """Store a layer's weight, and read it through a quantiser of the format and scale."""
        from onnx import numpy_helper

        name = self._weight(layer)
        readers = [node for node in self._readers(name) if node.op_type in (*LAYERS, *CARRIERS)]
        self._stored[name].CopyFrom(numpy_helper.from_array(weight, name))
        output = self._quantiser(name, fmt, scale, narrow=True)
        _redirect(readers, name, output)

    def quantise_input(self, layer: str, fmt: Format, scale: Any) -> None:
        """Put a quantiser before a layer, or read from the one that is there for another layer of the same tensor."""
        for node, position in self._products(self._weight(layer)):
            tensor = node.input[position]
            key = (tensor, fmt.name, float(scale))
            self._inputs[key] = self._inputs.get(key) or self._quantiser(tensor, fmt, scale, narrow=False)
            node.input[position] = self._inputs[key]

    def content(self) -> bytes:
        """The file's bytes, quantisers before what reads them."""
        nodes = list(self._graph.node)
        del self._graph.node[:]
        self._place(self._made.pop("", []))
        for tensor in [*self._graph.input, *self._graph.initializer]:
            self._place(self._made.pop(tensor.name, []))
        self._place(nodes)
        return bytes(self._model.SerializeToString())

    def _place(self, nodes: list[Any]) -> None:
        for node in nodes:
            self._graph.node.append(node)
            for output in node.output:
                self._place(self._made.pop(output, []))

    def _weight(self, layer: str) -> str:
        name = f"{layer}.weight"
        if name not in self._stored or not self._products(name):
            raise ValueError(f"layer {layer!r} has no product with a weight of its own in the graph that torch exports")
        return name

    def _products(self, weight: str) -> list[tuple[Any, int]]:
        """The nodes that multiply by a weight, however it is laid out for them, each with the place of its input."""
        found: list[tuple[Any, int]] = []
        for node in self._readers(weight):
            if node.op_type in LAYERS:
                found += [(node, 1 - list(node.input[:2]).index(weight))]
            elif node.op_type in CARRIERS or node.domain == DOMAIN:
                found += self._products(node.output[0])
        return found

    def _readers(self, tensor: str) -> list[Any]:
        made = [node for nodes in self._made.values() for node in nodes]
        return [node for node in [*self._graph.node, *made] if tensor in node.input]

    def _quantiser(self, tensor: str, fmt: Format, scale: Any, *, narrow: bool) -> str:
        """Make the quantiser of a tensor; return its output's name."""
        from onnx import helper

        output = f"{tensor}_{fmt.name}_{len(self._stored)}"
        kind, numbers, flags = _operator(fmt, narrow)
        inputs = [
            tensor,
            *(self._constant(f"{output}_{key}", value) for key, value in {"scale": scale, **numbers}.items()),
        ]
        node = helper.make_node(kind, inputs, [output], name=output, domain=DOMAIN, **flags)
        self._made.setdefault(tensor, []).append(node)
        return output

    def _constant(self, name: str, value: Any) -> str:
        from onnx import numpy_helper

        tensor = numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
        self._graph.initializer.append(tensor)
        self._stored[name] = self._graph.initializer[-1]
        return name


def _operator(fmt: Format, narrow: bool) -> tuple[str, dict[str, float], dict[str, Any]]:
    """The operator of a format, its further inputs, and its attributes."""
    if fmt.name == "binary":
        return "BipolarQuant", {}, {}
    if fmt.is_float:
        numbers = {
            "exponent": fmt.exponent_bits, "mantissa": fmt.mantissa_bits, "bias": fmt.bias, "max": largest(fmt)
        }  # fmt: skip
        has = {"has_inf": int(fmt.special == "ieee"), "has_nan": int(fmt.special != ""), "has_subnormal": 1}
        return "FloatQuant", numbers, has | {"saturation": 1, "rounding_mode": "ROUND"}
    flags = {"signed": int(fmt.signed), "narrow": int(narrow and fmt.signed), "rounding_mode": "ROUND"}
    return "Quant", {"zero_point": 0, "bits": fmt.bits}, flags


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


def _redirect(nodes: list[Any], before: str, after: str) -> None:
    for node in nodes:
        for position, name in enumerate(node.input):
            if name == before:
                node.input[position] = after


def _exported(module: "torch.nn.Module", example: tuple[Any, ...]) -> Any:
    import copy

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
        raise ValueError(f"torch.onnx cannot export {type(module).__name__}: {str(error).splitlines()[0]}") from None
    assert program is not None
    return program.model_proto
