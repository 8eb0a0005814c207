"""What a library call takes longer amid others than repeated: caches and predictors still hold what ran before."""

from collections.abc import Sequence
from typing import Any

from profilers.timing import Clock, measure

BLOCKS, ROWS, WIDTH = 16, 16, 64
"""A chain of calls so small that little but their cost as calls is left of them, long enough to leave the caches cold
of each kind: a judgement."""

CALLS = 4
"""Of a block: a norm, a linear layer, a GELU and a sum."""


def measure_amid_s(seconds: float, clock: Clock) -> float:
    """Seconds of a call within a chain of modules less those of the same calls repeated, 0 at least.

    The fastest of each, as rates are taken. Within about `seconds`.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.linear, self.bend = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU()

        def forward(self, x: Any) -> Any:
            return x + self.bend(self.linear(self.norm(x)))

    x, other = torch.randn(ROWS, WIDTH), torch.randn(ROWS, WIDTH)
    vector, weights = torch.ones(WIDTH), torch.randn(WIDTH, WIDTH)
    alone: Sequence[Any] = (
        lambda: functional.layer_norm(x, (WIDTH,), vector, vector),
        lambda: functional.linear(x, weights, vector),
        lambda: functional.gelu(x),
        lambda: x + other,
    )
    with torch.inference_mode():
        chain = nn.Sequential(*(Block() for _ in range(BLOCKS))).eval()
        whole = measure([lambda: chain(x)], clock, budget_s=seconds / 2)
        each_s = sum(measure([call], clock, budget_s=seconds / 8).least_s for call in alone)
    return max(0.0, (whole.least_s / BLOCKS - each_s) / CALLS)
