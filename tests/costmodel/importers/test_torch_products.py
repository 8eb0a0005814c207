"""Products that torch writes as one operator, a mapped function and an empty batch."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from costmodel.importers import torch_export
from costmodel.workload import ops


class Tensordot(nn.Module):
    """Dimensions paired out of order, counted from the end, with a parameter, and none at all."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(7, 9))

    def forward(self, x: Tensor) -> Tensor:
        paired = torch.tensordot(x, x.permute(2, 1, 0)[:4, :, :2].repeat(2, 1, 1)[:7], dims=([2, -2], [0, 1]))
        return torch.tensordot(x, self.weight, dims=1).sum() + paired.sum()


class Chain(nn.Module):
    """Chains whose cheapest order is from the right, in the middle, of two and of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(7, 3))

    def forward(self, x: Tensor) -> Tensor:
        a = x[0]
        right = torch.linalg.multi_dot([a, a.T, a, self.weight[:, 0]])
        middle = torch.linalg.multi_dot([a.T, a, self.weight, self.weight.T, a.T])
        return right.sum() + middle.sum() + torch.linalg.multi_dot([a[0], a.T]).sum()


@pytest.mark.parametrize("module", [Tensordot(), Chain()])
def test_products_are_those_that_torch_counts(module: nn.Module) -> None:
    x = torch.zeros(3, 5, 7)
    with FlopCounterMode(display=False) as counter:
        module(x)
    read = torch_export.read(module, x, strict=True)
    assert sum(op.flops for op in read.ops) == counter.get_total_flops()


class Mapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(self.layer)(x)


def test_a_mapped_function_is_said_to_be_counted_once() -> None:
    read = torch_export.read(Mapped(), torch.zeros(3, 5, 8))
    assert read.uncounted == ("vmap (counted once, not 3 times)",)
    with pytest.raises(ValueError, match="vmap"):
        torch_export.read(Mapped(), torch.zeros(3, 5, 8), strict=True)
    assert not torch_export.read(Mapped(), torch.zeros(1, 5, 8)).uncounted


def test_an_empty_batch_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"batch of at least 1, got 0 x 8 x 16 x 16$"):
        torch_export.read(nn.Conv2d(8, 8, 3), torch.zeros(0, 8, 16, 16))
    assert ops.pooling("mean", 0.0, 0.0).vector_flops == 0
