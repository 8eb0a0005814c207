"""torch's MultiheadAttention as linear layers around its scores; imported where torch is.

Vaswani et al., Attention Is All You Need, arXiv 1706.03762, section 3.2.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class UnrolledAttention(nn.Module):
    """nn.MultiheadAttention in evaluation mode, its matrices as `in_proj` and `out_proj`.

    `batch_first` is False to those who look, so that torch's encoder layers do not run the weights past the layers.
    """

    batch_first = False

    def __init__(self, part: nn.MultiheadAttention) -> None:
        super().__init__()
        width = part.embed_dim
        self.heads, self.first_is_batch = part.num_heads, part.batch_first
        self.in_proj = nn.Linear(width, 3 * width, bias=part.in_proj_bias is not None, device="meta")
        self.in_proj.weight, self.in_proj.bias = part.in_proj_weight, part.in_proj_bias
        self.out_proj = nn.Linear(width, width, bias=part.out_proj.bias is not None, device="meta")
        self.out_proj.weight, self.out_proj.bias = part.out_proj.weight, part.out_proj.bias

    @staticmethod
    def can_hold(part: nn.MultiheadAttention) -> bool:
        """Whether keys and values are of the queries' width, and none are learned or added."""
        return part._qkv_same_embed_dim and part.bias_k is None and not part.add_zero_attn

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,  # noqa: ARG002 a hint: attn_mask is given with it
    ) -> tuple[Tensor, Tensor | None]:
        """As the layer: queries (T, N, E), (N, T, E) with batch_first, or (T, E), to (outputs, weights or None)."""
        batched = query.dim() == 3
        q, k, v = self._projected(query, key, value)
        q, k, v = (self._by_head(x, batched) for x in (q, k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        for mask in (self._given(attn_mask, scores), self._padding(key_padding_mask, batched)):
            scores = scores if mask is None else scores + mask
        weights = scores.softmax(dim=-1)
        out = self.out_proj((weights @ v).transpose(1, 2).flatten(2))
        if not batched:
            out, weights = out.squeeze(0), weights.squeeze(0)
        elif not self.first_is_batch:
            out = out.transpose(0, 1)
        told = weights.mean(dim=-3) if average_attn_weights else weights
        return out, (told if need_weights else None)

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Each operand by its third of the matrix; operands that are one tensor in one product."""
        made: dict[int, tuple[Any, ...]] = {}
        for x in (query, key, value):
            if id(x) not in made:
                made[id(x)] = self.in_proj(x).chunk(3, -1)
        return [made[id(x)][i] for i, x in enumerate((query, key, value))]

    def _by_head(self, x: Tensor, batched: bool) -> Tensor:
        """(N, heads, T, features) of a projected operand."""
        rows = x.unsqueeze(0) if not batched else x if self.first_is_batch else x.transpose(0, 1)
        heads: Tensor = rows.unflatten(-1, (self.heads, -1))
        return heads.transpose(1, 2)

    def _given(self, mask: Tensor | None, scores: Tensor) -> Tensor | None:
        """A mask (T, S) or (N heads, T, S) to add to scores."""
        added = _added(mask, scores.dtype)
        return added if added is None or added.dim() == 2 else added.unflatten(0, (-1, self.heads))

    def _padding(self, mask: Tensor | None, batched: bool) -> Tensor | None:
        """A mask of keys (N, S), or (S), to add to scores."""
        added = _added(mask, self.in_proj.weight.dtype)
        return added if added is None or not batched else added[:, None, None]


def _added(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """A boolean mask, true where nothing is attended to, as what is added to scores; another as it is."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(mask, -math.inf)
