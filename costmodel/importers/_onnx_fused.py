"""Operators that stand for several become those: layers with their activation, attention with its projections,
products that quantise or transpose their input.

ONNX Runtime, docs/ContribOperators.md: FusedConv, FusedGemm, FusedMatMul, Attention, QAttention,
DynamicQuantizeMatMul, MatMulIntegerToFloat. What BERT embeds is in `_onnx_embedded`.
"""

from collections.abc import Iterator
from typing import Any

from costmodel.importers import _onnx_embedded, _onnx_node, _onnx_weights

DOMAIN = "com.microsoft"
LAYERS = {"FusedConv": "Conv", "FusedGemm": "Gemm"}
ADDED = 3
"""Where a convolution has what is added to its result."""
ACTIVATIONS = ("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "Clip")
OF_ACTIVATION = "activation"
"""What the names of an activation's attributes begin with."""
PAST = {"Attention": 4, "QAttention": 8}
"""Where an attention has the keys and values of earlier tokens."""
PROJECTIONS = 3
BATCHES = ("transBatchA", "transBatchB")
"""Flags of a product whose leading dimension is another one."""
EINSUM = 12
"""As of this version ONNX has products by their labels."""
BIAS = {"DynamicQuantizeMatMul": 4, "MatMulIntegerToFloat": 6, "QAttention": 2}
"""Where products with weights of integers, whose results are floats, have their bias."""
FLOAT = 1
"""Of TensorProto.DataType."""
SPLIT_COUNTS = 18
"""As of this version of ONNX a Split has the number of its results as an attribute."""


def make_plain(model: Any, version: int) -> set[str]:
    """Put plain operators in the place of fused ones, and return the inputs that none has any longer.

    Those that say what plain ones cannot stay.
    """
    found = [(node, list(_plain(node, version, model.graph))) for node in model.graph.node]
    if not any(own for _, own in found):
        return set()
    given = {name for node in model.graph.node for name in node.input}
    kept = [type(n).FromString(n.SerializeToString()) for node, own in found for n in own or [node]]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return given - {name for node in kept for name in node.input}


def _plain(node: Any, version: int, graph: Any) -> Iterator[Any]:
    if node.domain != DOMAIN or len(node.output) < 1 or len(node.input) < 2:
        return
    flags = _onnx_node.attributes(node)
    if node.op_type in LAYERS and flags.get(OF_ACTIVATION) in ACTIVATIONS:
        yield from _layer(node, flags[OF_ACTIVATION])
    if node.op_type in BIAS and node.op_type not in PAST:
        yield from _product(node, node.output[0])
    past = PAST.get(node.op_type)
    if past and not flags.get("qkv_hidden_sizes") and not any(node.input[past : past + 1]):
        yield from _attention(node, flags, version)
    if node.op_type == "FusedMatMul" and version >= EINSUM and not any(map(flags.get, BATCHES)):
        yield from _transposed(node, flags)
    if node.op_type in _onnx_embedded.OPERATORS:
        yield from _onnx_embedded.plain(node, graph)


def _layer(node: Any, activation: str) -> Iterator[Any]:
    """A layer, the sum of its result and another tensor if there is one, and the activation."""
    result, product = node.output[0], f"{node.output[0]}/product"
    layer = type(node).FromString(node.SerializeToString())
    layer.op_type, layer.domain, layer.output[0] = LAYERS[node.op_type], "", product
    del layer.input[ADDED:]
    _onnx_weights.keep(layer.attribute, lambda a: not a.name.startswith(OF_ACTIVATION))
    yield layer
    if any(node.input[ADDED:]):
        yield _next(node, "Add", [product, node.input[ADDED]], f"{result}/sum")
        product = f"{result}/sum"
    yield _next(node, activation, [product], result)


def _transposed(node: Any, flags: dict[str, Any]) -> Iterator[Any]:
    """A product of which an operand has its last two dimensions exchanged; none where neither has."""
    a, b = (bool(flags.get(flag)) for flag in ("transA", "transB"))
    if a or b:
        made = _next(node, "Einsum", node.input[:2], node.output[0])
        made.attribute.add(
            name="equation", type=3, s=f"...{'ji' if a else 'ij'},...{'kj' if b else 'jk'}->...ik".encode()
        )
        yield made


def _product(node: Any, result: str) -> Iterator[Any]:
    """A product of integers, the conversion of its result, and the sum with a bias if there is one."""
    read = node.input[0]
    bias = node.input[BIAS[node.op_type] : BIAS[node.op_type] + 1]
    if node.op_type == "DynamicQuantizeMatMul":
        parts = [f"{result}/{name}" for name in ("input", "scale", "zero")]
        yield _next(node, "DynamicQuantizeLinear", [read], *parts)
        read = parts[0]
    yield _next(node, "MatMulInteger", [read, node.input[1]], f"{result}/integers")
    product = f"{result}/product" if any(bias) else result
    converted = _next(node, "Cast", [f"{result}/integers"], product)
    converted.attribute.add(name="to", type=2, i=FLOAT)
    yield converted
    if any(bias):
        yield _next(node, "Add", [product, bias[0]], result)


def _attention(node: Any, flags: dict[str, Any], version: int) -> Iterator[Any]:
    """The projection of an input to queries, keys and values, and their attention."""
    result = node.output[0]
    three = [f"{result}/{name}" for name in ("queries", "keys", "values")]
    projected = f"{result}/projected"
    if node.op_type == "QAttention":
        yield from _product(node, projected)
    else:
        bias = any(node.input[2:3])
        yield _next(node, "MatMul", node.input[:2], f"{result}/product" if bias else projected)
        if bias:
            yield _next(node, "Add", [f"{result}/product", node.input[2]], projected)
    split = _next(node, "Split", [projected], *three)
    split.attribute.add(name="axis", type=2, i=-1)
    if version >= SPLIT_COUNTS:
        split.attribute.add(name="num_outputs", type=2, i=PROJECTIONS)
    yield split
    scores = _next(node, "MultiHeadAttention", three, *node.output)
    scores.domain = DOMAIN
    for name in ("num_heads", "unidirectional"):
        if isinstance(flags.get(name), int):
            scores.attribute.add(name=name, type=2, i=flags[name])
    yield scores


def _next(node: Any, operator: str, inputs: list[str], *outputs: str) -> Any:
    """A node of what is fused, called after it."""
    made = type(node)(op_type=operator, name=node.name, input=inputs, output=outputs)
    made.metadata_props.extend(node.metadata_props)
    return made
