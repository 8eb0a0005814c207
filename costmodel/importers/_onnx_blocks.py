"""Products with weights of few bits in blocks, as ONNX Runtime holds language models' layers, become plain ones.

ONNX Runtime, docs/ContribOperators.md, MatMulNBits: N rows of K weights, packed by block in bytes, and a scale a block.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from costmodel.importers import _onnx_node, _onnx_weights
from costmodel.importers._value import Shape

DOMAIN, OPERATOR = "com.microsoft", "MatMulNBits"
SIZES = ("K", "N", "bits", "block_size")
MOST_BITS = 8
FLOAT, UINT8 = 1, 2
"""Of TensorProto.DataType."""
WEIGHT, SCALES, BIAS = 1, 2, 5
BESIDE = {3: "zero points", 4: "group indices"}
"""Positions of a product's inputs; formats hold the scales alone, of 16 bits."""


@dataclass(frozen=True)
class Blocks:
    """Formats by the output of each product, weights' shapes by name, inputs that it has no longer, and what formats do
    not hold."""

    formats: Mapping[str, str]
    shapes: Mapping[str, Shape]
    lost: frozenset[str]
    unread: tuple[str, ...]


def make_plain(graph: Any, stored: Mapping[str, Shape]) -> Blocks:
    """Turn products with `stored` bytes into MatMul, and Add where there is a bias, with weights (K, N).

    ValueError where the bytes are not as many as the weights need.
    """
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    types |= {value.name: value.type.tensor_type.elem_type for value in graph.input}
    others = {name for node in graph.node if not _is_product(node) for name in node.input}
    packed = {name for name in stored if types.get(name) == UINT8 and name not in others}
    formats, shapes, scales, biases = dict[str, str](), dict[str, Shape](), dict[str, int](), dict[str, str]()
    lost, unread = set[str](), list[str]()
    for node in graph.node:
        if not _is_product(node) or node.input[WEIGHT] not in packed:
            continue
        k, n, bits, block = _sizes(node, stored[node.input[WEIGHT]])
        weight, scale = node.input[WEIGHT], types.get(node.input[SCALES], FLOAT)
        given = dict(enumerate(node.input))
        layer = _onnx_node.name(node, weight, is_layer=True)
        unread += _beside(layer, given, scale) if weight not in shapes else ()
        shapes[weight], scales[weight] = (k, n), scale
        lost |= {name for i, name in given.items() if i in (SCALES, *BESIDE) and name}
        if given.get(BIAS):
            biases[node.output[0]] = given[BIAS]
            node.output[0] += "/product"
        formats[node.output[0]] = f"int{bits}_g{block}"
        node.op_type, node.domain = "MatMul", ""
        del node.input[SCALES:]
        _onnx_weights.keep(node.attribute, lambda _: False)
    _hold(graph, shapes, scales)
    _add(graph, biases)
    return Blocks(formats, shapes, frozenset(lost), tuple(unread))


def _is_product(node: Any) -> bool:
    return node.domain == DOMAIN and node.op_type == OPERATOR and len(node.input) > SCALES and bool(node.output)


def _sizes(node: Any, stored: Shape) -> tuple[int, int, int, int]:
    """K, N, bits and block size of a product with so many bytes."""
    flags = _onnx_node.attributes(node)
    k, n, bits, block = (v if isinstance(v := flags.get(name), int) else 0 for name in SIZES)
    fits = min(k, n, block) >= 1 and 2 <= bits <= MOST_BITS
    if not fits or n * math.ceil(k / block) * math.ceil(block * bits / 8) != math.prod(stored):
        told = ", ".join(f"{name}={flags.get(name)}" for name in SIZES)
        raise ValueError(f"{_onnx_node.told(node)}: a weight of {list(stored)} bytes does not fit {told}")
    return k, n, bits, block


def _beside(layer: str, given: Mapping[int, str], scale: int) -> list[str]:
    """What formats do not hold of a layer whose product is given these inputs, the scales of that type."""
    parts = ["scales wider than 16 bits"] * (scale == FLOAT) + [told for i, told in BESIDE.items() if given.get(i)]
    return [f"{part} of {layer}" for part in parts]


def _hold(graph: Any, shapes: Mapping[str, Shape], types: Mapping[str, int]) -> None:
    """Have weights of these shapes and types in their bytes' stead."""
    _onnx_weights.keep(graph.initializer, lambda tensor: tensor.name not in shapes)
    _onnx_weights.keep(graph.input, lambda value: value.name not in shapes)
    for name, shape in shapes.items():
        _onnx_weights.declare(graph, name, types[name], shape)


def _add(graph: Any, biases: Mapping[str, str]) -> None:
    """Put an Add after each product whose output it takes, by that output."""
    if not biases:
        return
    nodes = []
    for node in graph.node:
        nodes.append(node)
        output = node.output[0].removesuffix("/product") if node.output else ""
        if output in biases and node.output[0] != output:
            sum_ = type(node)(op_type="Add", name=node.name, output=[output])
            sum_.input.extend((node.output[0], biases[output]))
            sum_.metadata_props.extend(node.metadata_props)
            nodes.append(sum_)
    nodes = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
