"""Operators that ONNX does not know, as ONNX Runtime's optimiser and its exporters of language models write them, have
plain ones in their place while shapes are inferred.

ONNX Runtime, docs/ContribOperators.md. What they cost is in `_onnx_operators`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from costmodel.importers import _onnx_node

DOMAIN = "com.microsoft"
OWN = ("", "ai.onnx")
"""How ONNX' own domain is spelled."""
NORMS = ("SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "SkipLayerNormalization")
NEWER = {"LayerNormalization": 17}
"""Operators that the optimiser writes into files of older versions of ONNX than the one that has them."""
ATTENTION = ("GroupQueryAttention", "MultiHeadAttention")
KNOWN = frozenset((*NORMS, *ATTENTION, "RotaryEmbedding", "Gelu", "BiasGelu", "FastGelu", "QuickGelu"))
"""Operators whose first result has the shape of their first input, but for an attention of one projection."""
FROM_OTHERS = {"SimplifiedLayerNormalization"}
"""Those that are written without a domain, though ONNX has none of that name."""
PAST = {"GroupQueryAttention": 3, "MultiHeadAttention": 6}
"""Where the keys of earlier tokens are, and their values behind them."""
MOST_FEATURES = 2**20
Held = Sequence[tuple[int, Any]]
"""How many nodes stand for each of a graph, and the node itself where they do, None where it stays."""


def stated(model: Any) -> int:
    """The version of ONNX that a model is of."""
    return max((entry.version for entry in model.opset_import if entry.domain in OWN), default=1)


def is_known(node: Any) -> bool:
    """Whether a node is such an operator."""
    return node.op_type in KNOWN and (node.domain == DOMAIN or node.op_type in FROM_OTHERS)


def _is_newer(node: Any, version: int) -> bool:
    """Whether a node is of a later version of ONNX than its file."""
    return node.domain in OWN and version < NEWER.get(node.op_type, 0)


def put(model: Any) -> Held:
    """Put the plain nodes into a model's graph; return what `restore` takes."""
    graph, version = model.graph, stated(model)
    known = [is_known(node) or _is_newer(node, version) for node in graph.node]
    if not any(known):
        return ()
    nodes, held = [], list[tuple[int, Any]]()
    for node, found in zip(graph.node, known, strict=True):
        own = list(_plain(graph, node)) if found else []
        held.append((len(own) or 1, type(node).FromString(node.SerializeToString()) if own else None))
        nodes += own or [node]
    _replace(graph, nodes)
    return held


def restore(graph: Any, held: Held) -> None:
    """Put the operators back that `put` took out."""
    if not held:
        return
    nodes, left = [], iter(graph.node)
    for count, node in held:
        found = [next(left) for _ in range(count)]
        nodes += [node] if node is not None else found
    _replace(graph, nodes)


def _replace(graph: Any, nodes: Sequence[Any]) -> None:
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def _plain(graph: Any, node: Any) -> Iterator[Any]:
    """Nodes that give each result of a node a shape, the first one its own; none where that is not known."""
    first = PAST.get(node.op_type, 0)
    width = _narrowed(graph, node)
    if not node.input or width is None:
        return
    for i, output in enumerate(node.output):
        source = node.input[first + i - 1] if i and first and len(node.input) > first + i - 1 else ""
        if not output:
            continue
        if i == 0 and width:
            yield _picked(graph, node, output, width)
            continue
        yield type(node)(op_type="Identity", input=[source or node.input[0]], output=[output])


def _narrowed(graph: Any, node: Any) -> int | None:
    """The width of an attention's result where one input holds queries, keys and values, else 0; None if unknown."""
    if node.op_type != "GroupQueryAttention" or (len(node.input) > 1 and node.input[1]):
        return 0
    past = node.input[PAST[node.op_type]] if len(node.input) > PAST[node.op_type] else ""
    known = next((v for v in graph.input if v.name == past), None)
    dims = [d.dim_value for d in known.type.tensor_type.shape.dim] if known is not None else []
    heads = _onnx_node.attributes(node).get("num_heads", 0)
    width = heads * dims[-1] if dims and isinstance(heads, int) else 0
    return width if 0 < width <= MOST_FEATURES else None


def _picked(graph: Any, node: Any, output: str, width: int) -> Any:
    """A node that gives so many features of the first input."""
    index = f"{output}/features"
    graph.initializer.add(name=index, data_type=7, dims=[width], raw_data=bytes(8 * width))
    picked = type(node)(op_type="Gather", input=[node.input[0], index], output=[output])
    picked.attribute.add(name="axis", type=2, i=-1)
    return picked
