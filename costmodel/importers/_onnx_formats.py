"""The formats of layers whose operands an ONNX file holds as integers or narrow floats.

ONNX operator specification: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, QLinearConv, QLinearMatMul,
ConvInteger, MatMulInteger. A tensor's element type is its format; one scale a tensor or channel is no part of it, one a
block is. Where a Clip narrows integers, as Brevitas' QCDQ export writes widths below 8, its bounds tell theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.formats import get
from costmodel.importers import _onnx_node
from costmodel.importers._onnx_rnn import CELLS
from costmodel.importers._qonnx import UNSTATED
from costmodel.importers._qonnx_tensors import CARRIERS
from costmodel.importers._value import Value

TYPES = {
    2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 17: "fp8_e4m3", 18: "fp8_e4m3", 19: "fp8_e5m2", 20: "fp8_e5m2",
    21: "uint4", 22: "int4", 23: "fp4_e2m1", 25: "uint2", 26: "int2", 27: "fp6_e2m3", 28: "fp6_e3m2",
}  # fmt: skip
"""Formats by TensorProto.DataType; variants of 8-bit floats without a negative zero have the bits of the others."""
HALF, E8M0 = (10, 16), 24
LAYERS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "ConvInteger", "MatMulInteger"), (0, 1)),
    **dict.fromkeys(("QLinearConv", "QLinearMatMul"), (0, 3)),
}
"""Operators with the positions of their activations and weights."""
OF_INTEGERS = ("ConvInteger", "MatMulInteger")
MOVES = (*CARRIERS, "Cast", "Gather", "Slice", "Split", "Expand", "Tile")
"""Operators whose result holds elements of their first input."""
MX_BLOCK = 32


@dataclass(frozen=True)
class Tensors:
    """What is known of a graph's tensors by name: element types, numbers that all elements are, and their values."""

    types: Mapping[str, int]
    numbers: Mapping[str, float]
    values: Mapping[str, Value]
    made: Mapping[str, Any]

    def format(self, name: str) -> str:
        """The format of the elements that a tensor holds, "" where the file states none."""
        for _ in range(len(self.made) + 1):
            node = self.made.get(name)
            if node is not None and node.op_type == "DequantizeLinear":
                return self._dequantised(node)
            if self.types.get(name) in TYPES:
                return self._stored(name, node)
            if node is None or node.op_type not in MOVES or not node.input:
                break
            name = node.input[0]
        stored = self.values[name].parameters if name in self.values else ()
        return next((TYPES[self.types[p]] for p in stored if self.types.get(p) in TYPES), "")

    def is_dynamic(self, name: str) -> bool:
        """Whether a tensor holds what is quantised by its own range, which no one knows before."""
        for _ in range(len(self.made) + 1):
            node = self.made.get(name)
            if node is None or node.op_type not in MOVES or not node.input:
                return node is not None and node.op_type == "DynamicQuantizeLinear"
            name = node.input[0]
        return False

    def _stored(self, name: str, node: Any) -> str:
        """The format of a tensor of a narrow type; what a Clip bounds is as wide as the bounds need."""
        found = TYPES[self.types[name]]
        bounds = [self.numbers.get(bound) for bound in node.input[1:3]] if node is not None else []
        if node is None or node.op_type != "Clip" or len(bounds) < 2 or "int" not in found:
            return found
        low, high = bounds
        if low is None or high is None or not -(2**15) <= low < high < 2**16:
            return found
        bits = max(2, int(max(high, -low - 1)).bit_length() + (low < 0))
        return f"{'int' if low < 0 else 'uint'}{bits}"

    def _dequantised(self, node: Any) -> str:
        """The format that a DequantizeLinear reads, with a scale a block where it has blocks."""
        source = node.input[0]
        found = self._stored(source, self.made.get(source)) if self.types.get(source) in TYPES else ""
        if not found or not (block := _block(node)):
            return found
        if self.types.get(node.input[1]) == E8M0 and block == MX_BLOCK and found.startswith("fp"):
            return "mxfp4" if found == "fp4_e2m1" else f"mx{found}"
        return f"{found.removeprefix('u')}_g{block}" if "int" in found else found


def read(graph: Any, tensors: Tensors) -> dict[str, tuple[str, str]]:
    """Return (weight, activation) by the output of each layer of which the file states one, UNSTATED the other.

    Behind the activation of a product of two activations is the format in which they meet, the wider one.
    """
    found = {}
    for node in graph.node:
        if node.domain not in ("", "ai.onnx") or not node.output:
            continue
        if node.op_type == "Gather" and (table := tensors.format(node.input[0])):
            found[node.output[0]] = (table, UNSTATED)
        activation, weight = operands(node, tensors.values)
        pair = (tensors.format(weight), tensors.format(activation))
        if any(pair):
            found[node.output[0]] = (pair[0] or UNSTATED, pair[1] or UNSTATED)
        if all(pair) and weight in tensors.values and not tensors.values[weight].is_parameter:
            found[node.output[0]] = (pair[0], f"{pair[1]}/{max(pair, key=lambda name: get(name).bits)}")
    return found


def written(graph: Any, tensors: Tensors) -> dict[str, tuple[str, str]]:
    """("", format) by the output of each product of what is quantised as the network runs: its results are floats."""
    found = {}
    for node in graph.node:
        activation, _ = operands(node, tensors.values)
        if activation and node.op_type in OF_INTEGERS and tensors.is_dynamic(activation):
            found[node.output[0]] = ("", UNSTATED)
    return found


def operands(node: Any, values: Mapping[str, Value]) -> tuple[str, str]:
    """The names of a layer's activations and weights, "" for any other operator."""
    a, b = LAYERS.get(node.op_type, (0, 0))
    if a == b or len(node.input) <= b:
        return "", ""
    first, second = node.input[a], node.input[b]
    stored = [name in values and values[name].is_parameter for name in (first, second)]
    return (second, first) if stored == [True, False] else (first, second)


def unread(graph: Any, tensors: Tensors) -> list[str]:
    """What the file states that formats do not hold: scales and zero points of blocks, recurrent layers' weights."""
    told = []
    for node in graph.node:
        if node.op_type in CELLS and any(map(tensors.format, node.input[1:3])):
            told.append(f"{_onnx_node.told(node)} (its weights' own format)")
        stored = tensors.values.get(node.input[0]) if node.op_type == "DequantizeLinear" and _block(node) else None
        if stored is not None and stored.is_parameter:
            told += [f"{part} of {_onnx_node.clean(node.input[0])}" for part in _beside(node, tensors)]
    return told


def _block(node: Any) -> int:
    size = _onnx_node.attributes(node).get("block_size", 0)
    return size if isinstance(size, int) and size > 0 else 0


def _beside(node: Any, tensors: Tensors) -> list[str]:
    """The parts of a tensor in blocks that its format does not store as the file does."""
    parts = []
    fmt, scale = tensors.format(node.output[0]), tensors.types.get(node.input[1])
    if "_g" in fmt and scale not in HALF:
        parts.append("scales wider than 16 bits")
    if not ("_g" in fmt or fmt.startswith("mx")):
        parts.append("scales")
    return parts + ["zero points"] * (len(node.input) > 2 and bool(node.input[2]))
