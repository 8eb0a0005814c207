"""Quantisers in an ONNX graph: their formats are read, and they become identities.

Pappalardo et al., QONNX: Representing Arbitrary-Precision Quantized Neural Networks, arXiv 2206.07527: Quant (also
called IntQuant), BipolarQuant, Trunc and FloatQuant nodes between float tensors, whose widths are inputs. FINN's own
graphs, once streamlined, have MultiThreshold nodes instead, whose attribute names the type of what they give, and name
the types of tensors in annotations (qonnx, custom_op/general/multithreshold.py and core/modelwrapper.py).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costmodel.importers import _onnx_node, _onnx_weights
from costmodel.importers._qonnx_tensors import Tensors
from costmodel.precision import precision
from costmodel.workload import Workload

DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
QUANTISERS = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "FloatQuant", "MultiThreshold")
ANNOTATION = "finn_datatype"
DATA_TYPE = re.compile(r"(BIPOLAR|BINARY|TERNARY)|(U?)INT(\d+)")
"""Names of qonnx's data types; fixed-point and float ones are no format of layers here."""
WIDEST_NARROW, WIDE = 16, 32
"""Integers of 2 to 16 bits are formats; wider ones are held in 32."""
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
UNSTATED = "bf16"
"""The format of an operand that no quantiser states."""
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13)
"""Floats and integers of 8 bits or more of TensorProto.DataType, as numpy has them."""
FEW = 2**16
"""Elements of a width at most: one a channel."""


@dataclass(frozen=True)
class Stated:
    """What quantisers state: (weight, activation) by the output of each quantised layer, a side without one UNSTATED;
    (read, written) by the output of each operator between which a tensor's format is stated, "" the other; and the
    quantisers whose widths are neither."""

    layers: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    passing: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def read(graph: Any) -> Stated:
    """Turn the graph's quantisers into identities; return what they state.

    ValueError where a width is no constant, or none that a format has.
    """
    known = numbers(graph)
    quantisers = {node.output[0]: node for node in graph.node if _is_quantiser(node)}
    formats = _annotated(graph)
    formats |= {name: spelled for name, node in quantisers.items() if (spelled := _format(node, known))}
    if not formats and not quantisers:
        return Stated()
    tensors = Tensors.of(graph, formats, quantisers)
    found = {}
    for node in graph.node:
        if node.op_type in LAYERS and node.domain in ("", "ai.onnx") and len(node.input) > 1:
            activation, weight = (tensors.read(name) for name in node.input[:2])
            if activation or weight:
                tensors.take(node.input[:2])
                found[node.output[0]] = (weight or UNSTATED, activation or UNSTATED)
    passing = tensors.passing()
    unread = tuple(f"{_onnx_node.told(node)} (its width)" for node in tensors.unread())
    _make_identities(graph)
    return Stated(found, passing, unread)


def _make_identities(graph: Any) -> None:
    """Leave of every quantiser its first input, and of the tensors that told widths and scales what others read."""
    lost: set[str] = set()
    for node in graph.node:
        if _is_quantiser(node):
            lost.update(node.input[1:])
            node.op_type, node.domain = "Identity", ""
            del node.input[1:]
            _onnx_weights.keep(node.attribute, lambda _: False)
    lost -= {name for node in graph.node for name in node.input}
    _onnx_weights.keep(graph.initializer, lambda tensor: tensor.name not in lost)
    _onnx_weights.keep(graph.input, lambda value: value.name not in lost)
    _onnx_weights.keep(graph.node, lambda node: not set(node.output) <= lost)


def stated(
    layers: Mapping[str, tuple[str, str]], passing: Mapping[str, tuple[str, str]], read: Workload
) -> tuple[tuple[str, str], ...]:
    """(op, precision) by the ops' names, with what they write where that is stated; "*" for other layers, if any."""
    found = {name: "/".join(pair) for name, pair in layers.items()}
    for name, (activation, written) in passing.items():
        known = activation or written
        spelled = found.get(name) or (f"{UNSTATED}/{activation or UNSTATED}" if name in read.layers else known)
        found[name] = f"{spelled}>{written}" if written else spelled
    ordered = [(op.name, found[op.name]) for op in read.ops if op.name in found]
    if ordered and (not read.layers or set(read.layers) - set(found)):
        ordered.append(("*", UNSTATED))
    for _, spelling in ordered:
        precision(spelling)
    return tuple(ordered)


def _is_quantiser(node: Any) -> bool:
    return node.domain in DOMAINS and node.op_type in QUANTISERS and bool(node.input) and bool(node.output)


def numbers(graph: Any) -> dict[str, float]:
    """Stored tensors of few elements by name: what all are, inf where they differ."""
    from onnx import numpy_helper

    constants = [
        (node.output[0], a.t)
        for node in graph.node
        if node.op_type == "Constant"
        for a in node.attribute
        if a.HasField("t")
    ]
    tensors = [*((t.name, t) for t in graph.initializer), *constants]
    few = [(name, t) for name, t in tensors if math.prod(t.dims) <= FEW and t.data_location != _onnx_weights.EXTERNAL]
    return {
        name: float(array.flat[0]) if (array == array.flat[0]).all() else math.inf
        for name, t in few
        if t.data_type in NUMBERS and (array := numpy_helper.to_array(t)).size
    }


def _format(node: Any, numbers: Mapping[str, float]) -> str:
    flags = _onnx_node.attributes(node)
    if node.op_type == "BipolarQuant":
        return "binary"
    if node.op_type == "MultiThreshold":
        return _of_type(flags.get("out_dtype", ""))
    if node.op_type == "FloatQuant":
        exponent, mantissa = (_width(node, i, numbers) for i in (2, 3))
        return f"e{exponent}m{mantissa}"
    bits, signed = _width(node, 4 if node.op_type == "Trunc" else 3, numbers), bool(flags.get("signed", 1))
    if signed and bits == 1:
        return "binary"
    if signed and bits == 2 and flags.get("narrow", 0):
        return "ternary"
    return f"{'int' if signed else 'uint'}{max(bits, 2) if bits <= WIDEST_NARROW else WIDE}"


def _annotated(graph: Any) -> dict[str, str]:
    """The formats that annotations give tensors."""
    told = {
        tensor.tensor_name: _of_type(entry.value)
        for tensor in graph.quantization_annotation
        for entry in tensor.quant_parameter_tensor_names
        if entry.key == ANNOTATION
    }
    return {name: spelled for name, spelled in told.items() if spelled}


def _of_type(name: str | bytes) -> str:
    """The format of a data type by qonnx's name, "" where there is none."""
    match = DATA_TYPE.fullmatch(name.decode() if isinstance(name, bytes) else name)
    if match is None:
        return ""
    if match[1]:
        return {"BIPOLAR": "binary", "BINARY": "uint2", "TERNARY": "ternary"}[match[1]]
    bits = int(match[3])
    return f"{'uint' if match[2] else 'int'}{max(bits, 2) if bits <= WIDEST_NARROW else WIDE}"


def _width(node: Any, position: int, numbers: Mapping[str, float]) -> int:
    name = node.input[position] if len(node.input) > position else ""
    value = numbers.get(name, math.nan)
    if not 0 < value <= 32:
        own, got = _onnx_node.clean(node.name or node.output[0]), "none" if math.isnan(value) else f"{value:g}"
        got = "others by channel" if math.isinf(value) else got
        raise ValueError(f"the width of quantiser {own!r} must be one constant within 1 to 32, got {got}")
    return math.ceil(value)
