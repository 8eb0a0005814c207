"""An ONNX graph of a torch module, in which layers are found by name and quantisers are put."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.exports._onnx_export import LAYERS, exported
from costmodel.formats import Format, largest

if TYPE_CHECKING:
    import torch

DOMAIN = "qonnx.custom_op.general"
CARRIERS = ("Transpose", "Reshape", "Identity")


class Graph:
    """The forward pass of a module on one example, as torch.onnx exports it without folding norms into weights."""

    def __init__(self, module: "torch.nn.Module", example: tuple[Any, ...], metadata: Mapping[str, str]) -> None:
        self._model = exported(module, example)
        self._model.opset_import.add(domain=DOMAIN, version=1)
        for key, value in metadata.items():
            self._model.metadata_props.add(key=key, value=value)
        self._graph = self._model.graph
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
        from onnx import shape_inference

        nodes = list(self._graph.node)
        del self._graph.node[:]
        for tensor in [*self._graph.input, *self._graph.initializer]:
            self._place(self._made.pop(tensor.name, []))
        self._place(nodes)
        return bytes(shape_inference.infer_shapes(self._model).SerializeToString())

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
        constants = [self._constant(f"{output}_{key}", value) for key, value in {"scale": scale, **numbers}.items()]
        node = helper.make_node(kind, [tensor, *constants], [output], name=output, domain=DOMAIN, **flags)
        self._made.setdefault(tensor, []).append(node)
        self._note_shape(tensor, output)
        return output

    def _note_shape(self, tensor: str, output: str) -> None:
        """Say that a quantiser's output has its input's shape, which onnx infers of no operator of another domain."""
        from onnx import helper

        if tensor in self._stored:
            stored = self._stored[tensor]
            self._graph.value_info.append(helper.make_tensor_value_info(output, stored.data_type, stored.dims))
            return
        known = next(v for v in [*self._graph.input, *self._graph.value_info] if v.name == tensor)
        self._graph.value_info.append(helper.make_value_info(output, known.type))

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


def _redirect(nodes: list[Any], before: str, after: str) -> None:
    for node in nodes:
        for position, name in enumerate(node.input):
            if name == before:
                node.input[position] = after
