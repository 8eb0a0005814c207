"""Routed experts of a mixture-of-experts layer as grouped products: Shazeer et al., arXiv 1701.06538; SwiGLU inside."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Experts(nn.Module):
    """Both projections of all experts for rows that are sorted by expert; tokens choose `each` experts at random."""

    ends: Tensor

    def __init__(self, experts: int, each: int, width: int, inner: int, tokens: int) -> None:
        super().__init__()
        self.inward = nn.Parameter(torch.randn(experts, width, 2 * inner) * width**-0.5)
        self.outward = nn.Parameter(torch.randn(experts, inner, width) * inner**-0.5)
        chosen = torch.rand(tokens, experts).topk(each).indices
        rows = functional.one_hot(chosen.flatten(), experts).sum(0)
        self.register_buffer("ends", rows.cumsum(0).to(torch.int32))

    def forward(self, rows: Tensor) -> Tensor:
        """Rows [tokens * each, width] to the same, of 16 bits on a GPU."""
        gate, up = functional.grouped_mm(rows, self.inward, offs=self.ends).chunk(2, dim=-1)
        return torch.as_tensor(functional.grouped_mm(functional.silu(gate) * up, self.outward, offs=self.ends))
