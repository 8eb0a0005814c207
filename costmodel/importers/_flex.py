"""torch's flex_attention: attention whose scores a function changes and another masks."""

from collections.abc import Sequence
from typing import Any

from costmodel.importers import _shapes
from costmodel.importers._assembly import Cost
from costmodel.importers._mask import MAX_ELEMENTS
from costmodel.importers._value import Value

OPERATOR = "flex_attention"
UNTRAINED = "does not support backward on CPU"
"""What it says where gradients could be asked for and there is no GPU."""


def attention(arguments: Sequence[Any]) -> tuple[Cost, int]:
    """What a call costs beside its score function, and how many operators that has for each score.

    Scores that a mask function drops count as kept where it reads other tensors than positions.
    """
    q, k, v, score, blocks, *_, masked_by = arguments
    queries, keys = q.dims[-2], k.dims[-2]
    density = 1.0 if any(isinstance(read, Value) for read in masked_by) else _kept(blocks[-1], queries, keys)
    steps = sum(node.op == "call_function" for node in score.graph.nodes)
    return _shapes.attention(q, k, v, density=density), steps


def _kept(mask: Any, queries: int, keys: int) -> float:
    """The part of the scores that a function of batch, head, query and key keeps, of the first batch and head."""
    import torch

    if queries * keys > MAX_ELEMENTS:
        return 1.0
    first = torch.zeros((), dtype=torch.long)
    try:
        kept = mask(first, first, torch.arange(queries)[:, None], torch.arange(keys))
    except (RuntimeError, TypeError, ValueError, IndexError):
        return 1.0
    return float(kept.expand(queries, keys).double().mean())
