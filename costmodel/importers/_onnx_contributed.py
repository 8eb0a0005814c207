"""Operators that ONNX Runtime contributes, in domain com.microsoft, become the plain ones that they stand for.

ONNX Runtime, docs/ContribOperators.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from costmodel.importers import _onnx_weights

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
    "Gelu": ("Gelu", (0,)),
}
"""What ONNX Runtime's quantizer writes: the plain operator, and which inputs are its."""
VERSION = "opset"
"""An attribute that says as of which version of ONNX a softmax is meant."""
LATEST = 2**15
"""As of a version of ONNX that no file has."""


def make_plain(model: Any) -> set[str]:
    """Turn the contributed operators of a model into plain ones; return the inputs that they lose.

    One stays as it is that the model's version of ONNX lacks, or that says what the plain one cannot.
    """
    stated = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
    version = min(max(stated, 1), LATEST)
    return {name for node in model.graph.node if node.domain == DOMAIN for name in _made_plain(node, version)}


def _made_plain(node: Any, version: int) -> set[str]:
    import onnx

    operator, positions = PLAIN.get(node.op_type, ("", ()))
    if not operator or not onnx.defs.has(operator, max_inclusive_version=version):
        return set()
    understood = onnx.defs.get_schema(operator, max_inclusive_version=version).attributes
    if any(a.name not in (*understood, VERSION) and a.i for a in node.attribute):
        return set()
    _onnx_weights.keep(node.attribute, lambda attribute: attribute.name in understood)
    given = list(node.input)
    kept = [given[i] for i in positions[: len(given)] if i < len(given)]
    node.op_type, node.domain = operator, ""
    del node.input[:]
    node.input.extend(kept)
    return set(given) - set(kept)
