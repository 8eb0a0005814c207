"""Transformer encoders: ViT (Dosovitskiy et al., arXiv 2010.11929) and BERT (Devlin et al., arXiv 1810.04805)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention; `joined` projects queries, keys and values in one product."""

    def __init__(self, width: int, heads: int, *, joined: bool) -> None:
        super().__init__()
        self.heads = heads
        sides = [3 * width] if joined else [width] * 3
        self.inward = nn.ModuleList(nn.Linear(width, side) for side in sides)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [B, T, width] to the same."""
        batch, tokens, width = x.shape
        shape = (batch, tokens, self.heads, width // self.heads)
        if len(self.inward) == 1:
            parts = self.inward[0](x).reshape(batch, tokens, 3, *shape[2:]).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            parts = tuple(project(x).view(shape).transpose(1, 2) for project in self.inward)
        found = functional.scaled_dot_product_attention(*parts)
        return torch.as_tensor(self.out(found.transpose(1, 2).reshape(batch, tokens, width)))


class Layer(nn.Module):
    """Attention and feed-forward with residuals; the norm before each (ViT) or after each (BERT)."""

    def __init__(self, width: int, heads: int, inner: int, *, norm_first: bool) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention = Attention(width, heads, joined=norm_first)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.feed = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens to tokens."""
        first, second = self.norms
        if self.norm_first:
            x = x + self.attention(first(x))
            return x + torch.as_tensor(self.feed(second(x)))
        x = first(x + self.attention(x))
        return torch.as_tensor(second(x + self.feed(x)))


class VisionTransformer(nn.Module):
    """Patches of 16 x 16 of a 224 x 224 image, a class token, norm before."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.zeros(1, 197, width))
        self.layers = nn.Sequential(*(Layer(width, heads, 4 * width, norm_first=True) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1000)

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, 3, 224, 224] to 1000 logits."""
        x = self.patch(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return torch.as_tensor(self.head(self.norm(self.layers(x))[:, 0]))


class Bert(nn.Module):
    """Word, position and segment embeddings, layers with the norm after."""

    def __init__(self, width: int, heads: int, inner: int, layers: int, entries: int = 30522) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(entries, width), nn.Embedding(512, width)
        self.segments = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(*(Layer(width, heads, inner, norm_first=False) for _ in range(layers)))
        self.pooler = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Token numbers [B, T] to states [B, T, width] and the pooled first one."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.words(tokens) + self.segments(torch.zeros_like(tokens)) + self.places(places)
        x = self.layers(self.norm(x))
        return x, torch.tanh(self.pooler(x[:, 0]))
