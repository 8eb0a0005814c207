"""A small vision transformer for 8 x 8 digits, whose layers let others choose keys and tokens, and its training."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from app.demo.network import BATCH, SEED

CHANNELS = 32
HEADS = 2
LAYERS = 3
PATCH = 2
EPOCHS = 30


class Attention(nn.Module):
    """Self-attention; `connectivity` maps queries and keys (N, heads, tokens, head_dim) to the pairs that meet."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.connectivity: Callable[[Tensor, Tensor], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, tokens, channels) to itself."""
        q, k, v = self.split(x)
        mask = self.connectivity(q, k) if self.connectivity else None
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out: Tensor = self.proj(y.transpose(1, 2).flatten(2))
        return out

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (N, heads, tokens, head_dim)."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v


class Block(nn.Module):
    """A pre-norm layer; `reduce` maps tokens, queries and keys to fewer tokens, between attention and feed-forward."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attn = Attention(channels, heads)
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.act = nn.GELU()
        self.reduce: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, tokens, channels) to (N, fewer tokens, channels)."""
        read = self.norm1(x)
        x = x + self.attn(read)
        if self.reduce:
            x = self.reduce(x, *self.attn.split(read)[:2])
        out: Tensor = x + self.fc2(self.act(self.fc1(self.norm2(x))))
        return out


class DigitsViT(nn.Module):
    """Patches of 2 x 2 pixels, a class token, three layers, a linear classifier."""

    def __init__(self, channels: int = CHANNELS, heads: int = HEADS, layers: int = LAYERS) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(1, channels, PATCH, PATCH)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + (8 // PATCH) ** 2, channels))
        self.blocks = nn.ModuleList(Block(channels, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, 8, 8) in [0, 1] to logits (N, 10)."""
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(self.norm(x)[:, 0])
        return logits


def train_transformer(data: tuple[Tensor, Tensor], *, seed: int = SEED, epochs: int = EPOCHS) -> DigitsViT:
    """Train a transformer on (images, labels); the same seed gives the same weights."""
    images, labels = data
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = DigitsViT()
    steps = -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * steps)
    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(images[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return module.eval()
