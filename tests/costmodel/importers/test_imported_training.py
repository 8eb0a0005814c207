"""The training pass of an imported module against torch's autograd, and what no pass may hide."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from costmodel.importers import torch_export
from costmodel.workload import Workload
from costmodel.workload.training import training


def flops(workload: Workload) -> float:
    return float(sum(op.flops for op in workload.ops))


def autograd_flops(module: nn.Module, *inputs: Tensor) -> int:
    """torch's count of a step, in double precision, which no fused kernel hides from it."""
    with FlopCounterMode(display=False) as counter:
        result = module.double()(*(x.double() for x in inputs))
        result.sum().backward()
    module.float()
    return int(counter.get_total_flops())


class Again(nn.Module):
    """One layer called several times in a row."""

    def __init__(self, layer: nn.Module, calls: int, before: nn.Module | None = None) -> None:
        super().__init__()
        self.layer, self.calls, self.before = layer, calls, before or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        for _ in range(self.calls):
            x = torch.relu(self.layer(x))
        return x


class Twice(nn.Module):
    """One layer on both halves of the input, as they are and after a nonlinearity."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:3]) + self.layer(x[3:].relu())


CNN = nn.Conv2d(8, 8, 3, padding=1)
SHARED = {
    "linear": (Again(nn.Linear(64, 64), 8), (16, 64)),
    "convolution": (Again(CNN, 3), (2, 8, 16, 16)),
    "trained before": (Again(nn.Linear(8, 8), 3, before=nn.Linear(4, 8)), (5, 4)),
    "nonlinearity before": (Again(nn.Linear(8, 8), 3, before=nn.ReLU()), (5, 8)),
    "siamese": (Twice(), (6, 8)),
}


@pytest.mark.parametrize("kind", SHARED)
def test_a_layer_that_runs_again_has_autograd_s_flops(kind: str) -> None:
    module, shape = SHARED[kind]
    x = torch.zeros(shape)
    read = torch_export.read(module, x, strict=True)
    assert flops(training(read)) == autograd_flops(module, x)
    doubled = training(read.map(lambda op: op.times(2)))
    assert flops(doubled) == 2 * flops(training(read))


class Recurrent(nn.Module):
    """A recurrent layer that starts from zeros, or from what a layer makes of the first token."""

    def __init__(self, rnn: nn.RNNBase, *, given: bool = False) -> None:
        super().__init__()
        self.rnn = rnn
        self.start = nn.Linear(6, 5) if given else None

    def forward(self, x: Tensor) -> Tensor:
        if self.start is None:
            return self.rnn(x)[0]
        return self.rnn(x, self.start(x[:1]))[0]


class Cells(nn.Module):
    """A cell in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[1], 5)
        for step in range(x.shape[0]):
            state = self.cell(x[step], state)
        return state


class Both(nn.Module):
    """A recurrent layer over the input, and over that turned round."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0] + self.rnn(x.flip(0))[0]


RECURRENT = {
    "lstm": Recurrent(nn.LSTM(6, 5)),
    "deep": Recurrent(nn.GRU(6, 5, 2, bidirectional=True)),
    "given": Recurrent(nn.GRU(6, 5), given=True),
    "cells": Cells(),
    "both ways": Both(),
}


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("tokens", [1, 7])
def test_the_state_that_a_recurrence_starts_from_has_a_gradient_where_it_is_trained(kind: str, tokens: int) -> None:
    module, x = RECURRENT[kind], torch.zeros(tokens, 3, 6)
    assert flops(training(torch_export.read(module, x, strict=True))) == autograd_flops(module, x)
