"""Operators that ONNX Runtime contributes, in domain com.microsoft, become the plain ones that they stand for.

ONNX Runtime, docs/ContribOperators.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from costmodel.importers import _onnx_fused, _onnx_weights

DOMAIN = "com.microsoft"
EVERY_THIRD = range(2, 2**31, 3)
"""A concatenation's tensors: each is followed by its scale and zero point, and those of the result lead."""
PLAIN: Mapping[str, tuple[str, Sequence[int]]] = {
    "QGemm": ("Gemm", (0, 3, 6)),
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearConcat": ("Concat", EVERY_THIRD),
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearAveragePool": ("AveragePool", (0,)),
    "QLinearGlobalAveragePool": ("GlobalAveragePool", (0,)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearSoftmax": ("Softmax", (0,)),
    "QuantizeLinear": ("QuantizeLinear", (0, 1, 2)),
    "DequantizeLinear": ("DequantizeLinear", (0, 1, 2)),
    "QLinearReduceMean": ("ReduceMean", (0,)),
    "Gelu": ("Gelu", (0,)),
    "FusedMatMul": ("MatMul", (0, 1)),
}
"""What ONNX Runtime's quantizer and optimiser write: the plain operator, and which inputs are its."""
WITHOUT_MEANING = ("opset", "alpha")
"""Attributes that say as of which version of ONNX a softmax is meant, and a factor of a product."""
AXES = "axes"
"""An attribute of reductions that is an input in newer versions."""
FIELDS = ("f", "i", "s", "floats", "ints", "strings", "tensors", "graphs")
INT64 = 7
"""Of TensorProto.DataType."""
LATEST = 2**15
"""As of a version of ONNX that no file has."""


def make_plain(model: Any) -> set[str]:
    """Turn the contributed operators of a model into plain ones; return the inputs that they lose.

    One stays as it is that the model's version of ONNX lacks, or that says what the plain one cannot.
    """
    stated = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
    version = min(max(stated, 1), LATEST)
    lost = _onnx_fused.make_plain(model, version)
    graph = model.graph
    return lost | {name for node in graph.node if node.domain == DOMAIN for name in _made_plain(graph, node, version)}


def _made_plain(graph: Any, node: Any, version: int) -> set[str]:
    import onnx

    operator, positions = PLAIN.get(node.op_type, ("", ()))
    if not operator or not onnx.defs.has(operator, max_inclusive_version=version):
        return set()
    understood = onnx.defs.get_schema(operator, max_inclusive_version=version).attributes
    axes = [i for a in node.attribute if a.name == AXES and AXES not in understood for i in a.ints]
    known = (*understood, *WITHOUT_MEANING, *([AXES] if operator.startswith("Reduce") else []))
    if any(a.name not in known and any(getattr(a, name) for name in FIELDS) for a in node.attribute):
        return set()
    _onnx_weights.keep(node.attribute, lambda attribute: attribute.name in understood)
    given = list(node.input)
    kept = [given[i] for i in positions[: len(given)] if i < len(given)]
    node.op_type, node.domain = operator, ""
    del node.input[:]
    node.input.extend(kept)
    if axes:
        node.input.append(f"{node.output[0]}/{AXES}")
        graph.initializer.add(name=node.input[-1], data_type=INT64, dims=[len(axes)], int64_data=axes)
    return set(given) - set(kept)
