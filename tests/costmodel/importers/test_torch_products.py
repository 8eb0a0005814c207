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


class Einsums(nn.Module):
    """Three operands, a parameter among them, and four with labels that wait for the last."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(7, 4))

    def forward(self, x: Tensor) -> Tensor:
        form = torch.einsum("bij,jk,bik->bi", x, self.weight, x[..., :4])
        return form.sum() + torch.einsum("bij,bkj,bkl,cl->bic", x, x, x, self.weight.T).sum()


def test_products_of_several_tensors_are_taken_from_left_to_right() -> None:
    x = torch.zeros(3, 5, 7)
    with FlopCounterMode(display=False) as counter, torch.backends.opt_einsum.flags(enabled=False):
        Einsums()(x)
    assert sum(op.flops for op in torch_export.read(Einsums(), x, strict=True).ops) == counter.get_total_flops()


class Bags(nn.Module):
    """Bags of rows, a form of two vectors, and distances of a few rows and of many."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(100, 8, mode="sum")
        self.form = nn.Bilinear(8, 16, 12)

    def forward(self, ids: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        return self.table(ids), self.form(x, y), torch.cdist(x, x.sin()), torch.cdist(x.repeat(10, 1), x.cos(), p=1.0)


def test_tables_of_bags_forms_and_distances_are_counted() -> None:
    module = Bags()
    inputs = torch.zeros(4, 7, dtype=torch.long), torch.zeros(4, 8), torch.zeros(4, 16)
    read = torch_export.read(module, inputs, strict=True)
    assert sum(op.params for op in read.ops) == sum(p.numel() for p in module.parameters())
    table, form = read.op("table"), read.op("form")
    assert (table.kind, table.vector_flops, table.output_elements) == ("embedding", 4 * 7 * 8, 4 * 8)
    assert (form.macs, form.output_elements) == (4 * 8 * 16 * 12, 4 * 16 * 12)
    assert (read.op("form.matmul").macs, read.op("form.matmul").output_elements) == (4 * 16 * 12, 4 * 12)
    assert [op.vector_flops for op in read.ops if op.name.startswith("cdist")] == [16 * 24, 160 * 24]


@pytest.mark.parametrize(("mode", "macs"), [("use_mm_for_euclid_dist_if_necessary", 0), ("use_mm_for_euclid_dist", 1)])
def test_many_distances_are_a_product(mode: str, macs: int) -> None:
    def product(rows: int) -> float:
        apply = Distances(mode)
        return sum(op.macs for op in torch_export.read(apply, torch.zeros(rows, 8), strict=True).ops)

    assert product(4) == macs * 4 * 4 * 10
    assert product(30) == 30 * 30 * 10


class Distances(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        return torch.cdist(x, x + 1, compute_mode=self.mode)


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
