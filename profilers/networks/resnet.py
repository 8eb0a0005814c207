"""ResNet: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, arXiv 1512.03385, table 1."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """A residual block: two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1 around a bottleneck."""

    def __init__(self, depth: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        out = width * 4 if bottleneck else width
        kernels = [(depth, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        kernels = kernels if bottleneck else [(depth, width, 3, stride), (width, width, 3, 1)]
        parts: list[nn.Module] = []
        for a, b, kernel, step in kernels:
            parts += [nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*parts[:-1])
        self.relu = nn.ReLU(inplace=True)
        change = stride > 1 or depth != out
        self.shortcut = nn.Sequential(nn.Conv2d(depth, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.shortcut = self.shortcut if change else nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        body = self.body(x)
        body += self.shortcut(x)
        return torch.as_tensor(self.relu(body))


def resnet(depths: Sequence[int], *, bottleneck: bool) -> nn.Sequential:
    """Return a ResNet for 1000 classes with so many blocks a stage."""
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    blocks: list[Any] = []
    depth = 64
    for stage, (width, count) in enumerate(zip(WIDTHS, depths, strict=True)):
        for i in range(count):
            blocks.append(Block(depth, width, 2 if stage and not i else 1, bottleneck))
            depth = width * 4 if bottleneck else width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, 1000)]
    return nn.Sequential(*stem, *blocks, *head)
