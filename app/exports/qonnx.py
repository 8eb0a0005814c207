"""QONNX: the network as ONNX, with a Quant node at each layer's weight and input that carries our scales.

It is what FINN, hls4ml and qonnx read. The operators are those of qonnx 1.0.0, `qonnx/custom_op/general` (intquant.py,
floatquant.py, bipolar_quant.py), after Pappalardo et al., arXiv 2206.07527: integers and ternary weights are Quant
nodes, binary weights BipolarQuant, minifloats FloatQuant. Weights are stored already rounded, with a scale a channel;
inputs have the calibrated scale a tensor with which losses are measured, unsigned where none was negative. It needs the
torch model, its weights and calibration data; formats with a scale a group have no node and are refused.
"""

from typing import TYPE_CHECKING, Any

from app.exports import _header
from app.exports._entries import entries
from app.exports._formats import is_wide, stays
from app.exports._plan import Chosen, Layer
from app.exports._qonnx_graph import Graph
from app.exports._refusal import UnexpressibleError, unknown
from app.exports._source import Source
from costmodel.formats import Format, largest

if TYPE_CHECKING:
    import torch

TOOL = "qonnx 1.0.0"


def render(chosen: Chosen, source: Source) -> bytes:
    """Return the file's content; ValueError where the model is no torch model or its graph lacks a layer."""
    from dse.sensitivity import observe
    from dse.sensitivity.layers import select

    entries(chosen, "QONNX", _require_known)
    network = source.network("QONNX")
    parts = select(network.module, chosen.names)
    ranges = observe(network.module, chosen.names, network.inputs)
    graph = Graph(network.module, network.example, _header.fields(chosen, TOOL))
    for layer in chosen.layers:
        if not is_wide(layer.precision.weight):
            graph.set_weight(layer.name, *_weight(parts[layer.name], layer.precision.weight))
        if not is_wide(layer.precision.activation):
            graph.quantise_input(layer.name, *_input(layer, ranges))
    return graph.content()


def _require_known(layer: Layer) -> None:
    weight, activation = layer.precision.weight, layer.precision.activation
    if layer.kind == "embedding" and not stays(layer):
        raise UnexpressibleError("a lookup has no quantised input")
    for role, fmt in (("weight", weight), ("activation", activation)):
        if fmt.scale:
            raise unknown(role, fmt, "one scale a channel or a tensor")
    if activation.encoding == "codebook":
        raise unknown("activation", activation, "integers and minifloats")


def _weight(part: "torch.nn.Module", fmt: Format) -> tuple[Any, Format, Any]:
    """A layer's rounded weight, its format, and the scale of each output channel, of which the largest code is one."""
    import numpy as np

    from dse.sensitivity.layers import output_axis
    from dse.sensitivity.round_trip import round_weight

    rounded = round_weight(part, fmt).detach().cpu().numpy()
    axes = tuple(axis for axis in range(rounded.ndim) if axis != output_axis(part))
    top = np.abs(rounded).max(axis=axes, keepdims=True)
    return rounded, fmt, np.where(top > 0, top / largest(fmt), 1.0)


def _input(layer: Layer, ranges: Any) -> tuple[Format, Any]:
    from dse.sensitivity.round_trip import calibrated

    if layer.name not in ranges:
        raise ValueError(f"layer {layer.name!r} is never called on the calibration data, so its input has no range")
    return calibrated(layer.precision.activation, ranges[layer.name])
