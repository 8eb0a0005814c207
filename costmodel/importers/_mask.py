"""The part of an attention's scores that a mask keeps, where the mask is the same in every pass."""

from collections.abc import Mapping
from typing import Any

MAX_ELEMENTS = 2**26
"""Masks of more elements are not computed: all their scores count."""
MASKED_BELOW = -3e4
"""An additive mask hides a score by -inf or the format's most negative number, which is -65504 in fp16."""


def kept_fraction(mask: Any) -> float:
    """Compute an FX node's mask from the operators before it alone; 1.0 where it needs an input or is large."""
    results: dict[Any, Any] = {}
    for node in _ancestors(mask):
        size = getattr(node.meta.get("val"), "numel", lambda: 0)()
        if node.op != "call_function" or size > MAX_ELEMENTS or hasattr(node.target, "_higher_order"):
            return 1.0
        arguments = [_resolved(argument, results) for argument in node.args]
        results[node] = node.target(*arguments, **_resolved(node.kwargs, results))
    kept = results[mask]
    return float((kept if str(kept.dtype) == "torch.bool" else kept > MASKED_BELOW).double().mean())


def _ancestors(node: Any) -> list[Any]:
    """Nodes that a node needs, itself last, in the graph's order."""
    needed, waiting = {node}, [node]
    while waiting:
        for source in waiting.pop().all_input_nodes:
            if source not in needed:
                needed.add(source)
                waiting.append(source)
    return [n for n in node.graph.nodes if n in needed]


def _resolved(argument: Any, results: Mapping[Any, Any]) -> Any:
    if isinstance(argument, list | tuple):
        return [_resolved(part, results) for part in argument]
    if isinstance(argument, Mapping):
        return {key: _resolved(part, results) for key, part in argument.items()}
    if type(argument).__name__ == "device":
        return "cpu"
    return results.get(argument, argument) if type(argument).__name__ == "Node" else argument
