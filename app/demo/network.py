"""A small residual network for 8 x 8 digits, and its training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

SEED = 0
WIDTH = 12
"""Channels of the stem; the last block has four times as many."""
EPOCHS = 24
BATCH = 64
TEST_FRACTION = 0.4
CALIBRATION_IMAGES = 256


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut, as in He et al., arXiv 1512.03385, figure 2."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, H / stride, W / stride)."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out: Tensor = self.relu(y + self.shortcut(x))
        return out


class DigitsNet(nn.Module):
    """A stem, three residual blocks and a linear classifier."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.block1 = Residual(width, width, 1)
        self.block2 = Residual(width, 2 * width, 2)
        self.block3 = Residual(2 * width, 4 * width, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 1, 8, 8) in [0, 1] to logits (N, 10)."""
        x = self.relu(self.norm(self.stem(x)))
        x = self.pool(self.block3(self.block2(self.block1(x))))
        logits: Tensor = self.head(x.flatten(1))
        return logits


def digits(seed: int = SEED) -> dict[str, tuple[Tensor, Tensor]]:
    """Return scikit-learn's 1,797 handwritten digits split into train, calibration (part of train) and test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 1, 8, 8) / 16.0).astype(np.float32)
    parts = train_test_split(images, labels, test_size=TEST_FRACTION, stratify=labels, random_state=seed)
    x_train, x_test, y_train, y_test = (torch.from_numpy(np.ascontiguousarray(p)) for p in parts)
    calibration = x_train[:CALIBRATION_IMAGES], y_train[:CALIBRATION_IMAGES]
    return {"train": (x_train, y_train), "calibration": calibration, "test": (x_test, y_test)}


def train(
    data: tuple[Tensor, Tensor],
    *,
    seed: int = SEED,
    epochs: int = EPOCHS,
    width: int = WIDTH,
    progress: Callable[[int, int], Any] | None = None,
) -> DigitsNet:
    """Train a network on (images, labels); the same seed gives the same weights. `progress` is told (step, steps)."""
    images, labels = data
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = DigitsNet(width)
    steps = -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(module.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * steps)
    module.train()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for i, rows in enumerate(order.split(BATCH)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(_jitter(images[rows], generator)), labels[rows]).backward()
            optimizer.step()
            schedule.step()
            if progress:
                progress(epoch * steps + i + 1, epochs * steps)
    return module.eval()


def use_one_thread() -> None:
    """Let torch compute on one core from now on: layers so small run no faster on two, and far slower on busy ones."""
    torch.set_num_threads(1)


def build() -> tuple[DigitsNet, tuple[Tensor], dict[str, tuple[Tensor, Tensor]]]:
    """Train the network and return it with example inputs and its data: the model torch:app.demo.network:build."""
    use_one_thread()
    data = digits()
    return train(data["train"]), (data["test"][0][:1],), data


def _jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift the images by up to one pixel each way, as the scans themselves vary."""
    dy, dx = torch.randint(-1, 2, (2,), generator=generator).tolist()
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    return padded[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]
