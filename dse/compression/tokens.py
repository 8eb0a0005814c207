"""Fewer tokens between a layer's attention and its feed-forward part: merged by similarity, or chosen by attention.

Bolya et al., Token Merging, arXiv 2210.09461, section 3 (without its attention in proportion to sizes); Liang et al.,
Not All Patches are What You Need, arXiv 2202.07800, section 3.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from costmodel.strategies.token_merging import TokenMerging
from costmodel.strategies.token_pruning import TokenPruning

if TYPE_CHECKING:
    import torch


def with_fewer_tokens(
    module: "torch.nn.Module", layers: Sequence[str], how: TokenMerging | TokenPruning
) -> "torch.nn.Module":
    """Return a twin whose layers run on fewer tokens, with the weights that it has.

    A layer is a module whose `reduce` gets tokens (N, tokens, channels), queries and keys (N, heads, tokens, head_dim)
    after its attention, and returns the tokens that go on. ValueError for a layer of `how.at` that is not there, and a
    place other than after attention.
    """
    twin = copy.deepcopy(module)
    parts: list[Any] = [twin.get_submodule(name) for name in layers]
    if isinstance(how, TokenMerging):
        merger = Merger(how)
        for i, part in enumerate(parts):
            part.reduce = partial(merger.reduce, first=i == 0)
        return twin
    if max(how.at) >= len(parts) or how.place != "attention":
        raise ValueError(f"tokens leave after the attention of layers 0 to {len(parts) - 1}, got {how.at}, {how.place}")
    for i in how.at:
        parts[i].reduce = partial(choose, how)
    return twin


@dataclass
class Merger:
    """Merges `how.r` tokens at each call and remembers how many each stands for, from the first layer on."""

    how: TokenMerging
    sizes: Any = None

    def reduce(self, x: "torch.Tensor", _: "torch.Tensor", k: "torch.Tensor", *, first: bool) -> "torch.Tensor":
        """Merge tokens of even places into those of odd ones, the most similar by their keys' mean over heads."""
        import torch

        self.sizes = x.new_ones(x.shape[:2]) if first else self.sizes
        r = min(self.how.r, max(0, x.shape[1] - self.how.protected) // 2)
        if r == 0:
            return x
        metric = torch.nn.functional.normalize(k.mean(1), dim=-1)
        likeness = metric[:, ::2] @ metric[:, 1::2].transpose(1, 2)
        likeness[:, : (self.how.protected + 1) // 2] = -torch.inf
        best, partner = likeness.max(2)
        order = best.argsort(dim=1, descending=True)
        gone, stay = order[:, :r], order[:, r:].sort(dim=1).values
        held = torch.cat([x * self.sizes[..., None], self.sizes[..., None]], dim=2)
        even, odd, into = held[:, ::2], held[:, 1::2], partner.gather(1, gone)
        odd = odd.scatter_add(1, _wide(into, held), even.gather(1, _wide(gone, held)))
        held = torch.cat([even.gather(1, _wide(stay, held)), odd], dim=1)
        self.sizes = held[..., -1]
        return held[..., :-1] / held[..., -1:]


def choose(how: TokenPruning, x: "torch.Tensor", q: "torch.Tensor", k: "torch.Tensor") -> "torch.Tensor":
    """Keep ceil(how.keep x tokens) beside the first, by the first's attention, and one for the rest to fuse."""
    import torch

    logits = (q[:, :, :1] @ k.transpose(-1, -2)).squeeze(2) * k.shape[-1] ** -0.5
    attention = logits.softmax(-1).mean(1)[:, 1:]
    order = attention.argsort(dim=1, descending=True)
    kept, rest = order.tensor_split([ceil(how.keep * attention.shape[1])], dim=1)
    parts = [x[:, :1], x[:, 1:].gather(1, _wide(kept, x))]
    if how.fuse and rest.shape[1]:
        weights = attention.gather(1, rest)[..., None]
        left_out = x[:, 1:].gather(1, _wide(rest, x))
        parts.append((left_out * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True))
    return torch.cat(parts, dim=1)


def _wide(index: "torch.Tensor", x: "torch.Tensor") -> "torch.Tensor":
    return index[..., None].expand(-1, -1, x.shape[-1])
