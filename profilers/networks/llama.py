"""Decoder blocks as in Llama: Touvron et al., arXiv 2302.13971 (RMS norm, SwiGLU, rotary), with grouped queries."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class DecoderBlock(nn.Module):
    """One block that decodes one token a sequence after `context` cached ones."""

    def __init__(self, width: int, heads: int, kv_heads: int, inner: int, batch: int, context: int) -> None:
        super().__init__()
        dim = width // heads
        self.shape = (batch, heads, kv_heads, dim)
        self.q, self.out = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.k, self.v = (nn.Linear(width, kv_heads * dim, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, width, bias=False)
        self.norms = nn.ParameterList(torch.ones(width) for _ in range(2))
        self.cache = nn.ParameterList(torch.randn(batch, kv_heads, context, dim) for _ in range(2))
        angle = torch.randn(dim // 2)
        self.rotation = nn.ParameterList([angle.cos(), angle.sin()])

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [B, 1, width] to the same; the cache is read and its last place written."""
        x = x + self._attend(functional.rms_norm(x, x.shape[-1:], self.norms[0]))
        y = functional.rms_norm(x, x.shape[-1:], self.norms[1])
        return x + torch.as_tensor(self.down(functional.silu(self.gate(y)) * self.up(y)))

    def _attend(self, x: Tensor) -> Tensor:
        batch, heads, kv_heads, dim = self.shape
        q = self._rotated(self.q(x).view(batch, heads, 1, dim))
        new = self._rotated(self.k(x).view(batch, kv_heads, 1, dim)), self.v(x).view(batch, kv_heads, 1, dim)
        for cached, one in zip(self.cache, new, strict=True):
            cached[:, :, -1:] = one
        found = functional.scaled_dot_product_attention(q, self.cache[0], self.cache[1], enable_gqa=kv_heads < heads)
        return torch.as_tensor(self.out(found.reshape(batch, 1, heads * dim)))

    def _rotated(self, x: Tensor) -> Tensor:
        cos, sin = self.rotation
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class PromptBlock(DecoderBlock):
    """The same block as it reads a prompt of `context` tokens: it fills the cache, and attends to what came before."""

    def _attend(self, x: Tensor) -> Tensor:
        batch, heads, kv_heads, dim = self.shape
        tokens = x.shape[1]
        q = self._rotated(self.q(x).view(batch, tokens, heads, dim).transpose(1, 2))
        k, v = (part(x).view(batch, tokens, kv_heads, dim).transpose(1, 2) for part in (self.k, self.v))
        for cached, new in zip(self.cache, (self._rotated(k), v), strict=True):
            cached.copy_(new)
        keys, values = self.cache
        found = functional.scaled_dot_product_attention(q, keys, values, is_causal=True, enable_gqa=kv_heads < heads)
        return torch.as_tensor(self.out(found.transpose(1, 2).reshape(batch, tokens, heads * dim)))
