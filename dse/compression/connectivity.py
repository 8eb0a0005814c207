"""Which keys a query needs, predicted from a low-rank look at queries and keys, and attention to those alone.

Wei et al., Sparsifiner, arXiv 2303.13755, section 3, as lim142857/Sparsifiner, src/models/sparsifiner.py: predictors
learn to reconstruct the attention of the trained network, then keep ceil(keep N) keys a query; the class token attends
to all.
"""

import copy
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING, Any

from costmodel.strategies.sparse_attention import SparseAttention
from dse.compression.fine_tune import run
from dse.sensitivity.calls import Data, as_tuple, checked

if TYPE_CHECKING:
    import torch


def predict_connectivity(
    module: "torch.nn.Module", attentions: Iterable[str], how: SparseAttention, data: Data, *, epochs: int,
    learning_rate: float = 1e-2, seed: int = 0,
) -> "torch.nn.Module":  # fmt: skip
    """Return a twin whose attentions meet the keys that predictors trained on `data` pick; the network stays as it is.

    An attention is a module with `split`, from its input to queries, keys and values (N, heads, tokens, head_dim), and
    `connectivity`, which gets such queries and keys and returns which pairs meet.
    """
    import torch

    twin = copy.deepcopy(module)
    parts: list[Any] = [twin.get_submodule(name) for name in attentions]
    seen: dict[Any, tuple[torch.Tensor, torch.Tensor]] = {}

    def note(part: Any, arguments: Any) -> None:
        q, k, _ = part.split(arguments[0].detach())
        seen[part] = q.detach(), k.detach()

    def look(arguments: "tuple[torch.Tensor, ...]") -> None:
        with torch.no_grad():
            twin(*arguments)

    handles = [part.register_forward_pre_hook(note) for part in parts]
    look(tuple(x[:1] for x in as_tuple(checked(data)[0])))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learning = [_predictor(seen[part][0], how) for part in parts]

    def step(_: float, arguments: "tuple[torch.Tensor, ...]", __: Any) -> "torch.Tensor":
        look(arguments)
        return torch.stack([p.loss(*seen[part]) for p, part in zip(learning, parts, strict=True)]).sum()

    run(torch.nn.ModuleList(learning), data, step, epochs=epochs, learning_rate=learning_rate, seed=seed)
    for handle, part, predictor in zip(handles, parts, learning, strict=True):
        handle.remove()
        part.connectivity = predictor
    return twin.eval()


def _predictor(q: "torch.Tensor", how: SparseAttention) -> Any:
    """A predictor for queries of that shape, (N, heads, tokens, head_dim)."""
    import torch
    from torch import nn

    tokens, head_dim = q.shape[-2:]
    channels, rank = max(1, head_dim // how.reduce_channels), max(1, tokens // how.reduce_tokens)
    budget = ceil(how.keep * tokens)

    class Predictor(nn.Module):
        """Scores of all pairs from `channels` channels and `rank` combinations of keys."""

        def __init__(self) -> None:
            super().__init__()
            self.query, self.key = nn.Linear(head_dim, channels), nn.Linear(head_dim, channels)
            self.fewer, self.basis = (nn.Parameter(0.1 * torch.randn(tokens, rank)) for _ in range(2))

        def scores(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
            low: torch.Tensor = self.query(q) @ (self.key(k).transpose(-1, -2) @ self.fewer)
            return low.softmax(-1) @ self.basis.T

        def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
            scores = self.scores(q, k)
            met = torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, scores.topk(budget).indices, True)
            met[..., 0, :] = True
            return met

        def loss(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
            attention = (q @ k.transpose(-1, -2) * head_dim**-0.5).softmax(-1)
            return nn.functional.mse_loss(self.scores(q, k)[..., 1:, :], attention[..., 1:, :]) * tokens

    return Predictor()
