"""Where a module's forward keeps gradients from passing: FLOPs, gradients and states are those of torch's autograd."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

import costmodel as cm
from costmodel.importers import torch_export
from costmodel.workload.training import training


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 7), nn.Linear(7, 7), nn.Linear(7, 2)


class Detached(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.c(torch.relu(self.b(self.a(x))).detach())


class Without(Net):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = torch.relu(self.b(self.a(x)))
        return self.c(h)


class Between(Net):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        with torch.no_grad():
            gate = torch.sigmoid(self.b(h))
        return self.c(h * gate)


class Beside(Net):
    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        return self.c(self.b(h.detach()) + h)


class Codes(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.c(F.one_hot(self.b(self.a(x)).argmax(-1), 7).float())


class Within(Net):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.a(x)
            with torch.enable_grad():
                h = self.b(h)
        return self.c(h)


class Read(Net):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.a(x)
        return self.c(self.b(h).detach()), h


class Target(Net):
    """As a Bellman target: the same layers first without gradients."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            target = self.c(torch.relu(self.a(x)))
        return (self.c(torch.relu(self.a(x))) - target) ** 2


class Truncated(Net):
    """Backpropagation through the last of three steps alone."""

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x)
        for step in range(3):
            h = torch.tanh(self.b(h.detach() if step == 2 else h))
        return self.c(h)


class Teacher(Net):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.a(x).detach(), self.c(self.b(torch.relu(x @ torch.ones(6, 7))))


class FrozenThere(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.c(F.linear(self.a(x), self.b.weight.detach(), self.b.bias))


class Data(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.c(F.linear(torch.relu(self.a(x)).data, self.b.weight.data, self.b.bias))


class FrozenAgain(Net):
    """A layer that trains by its first run, and one that trains by its last."""

    def forward(self, x: Tensor) -> Tensor:
        h = F.linear(torch.relu(self.b(self.a(x))), self.b.weight.detach(), self.b.bias)
        return self.c(h) + self.c(F.linear(h, self.b.weight.detach()))


class FrozenBefore(Net):
    def forward(self, x: Tensor) -> Tensor:
        h = F.linear(self.a(x), self.b.weight.detach())
        return self.c(self.b(torch.relu(h)))


class MadeAgain(Net):
    """A weight made of two that is detached where it is read again."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.b.weight @ self.b.weight.sin()
        h = F.linear(F.linear(self.a(x), weight, self.b.bias), weight.detach())
        return self.c(h)


class Clamped(Net):
    """Weights kept within bounds, in place."""

    def forward(self, x: Tensor) -> Tensor:
        self.b.weight.data.clamp_(-1, 1)
        self.c.weight.data = self.c.weight.data.clamp(-1, 1)
        return self.c(self.b(self.a(x)))


NETS = [
    Detached, Without, Between, Beside, Codes, Within, Read, Target, Truncated,
    Teacher, FrozenThere, Data, FrozenAgain, FrozenBefore, MadeAgain, Clamped,
]  # fmt: skip


@pytest.mark.parametrize("build", NETS)
def test_a_training_step_is_that_of_autograd(build: type[Net]) -> None:
    net, x = build(), torch.ones(5, 6)
    with FlopCounterMode(display=False) as counter:
        results = net(x)
        lost = [r.sum() for r in (results if isinstance(results, tuple) else (results,)) if r.requires_grad]
        torch.autograd.backward(lost)
    step = training(torch_export.read(net, x))
    assert sum(op.flops for op in step.ops) == counter.get_total_flops()
    trained = [p for p in net.parameters() if p.grad is not None]
    read = [p for name, p in net.named_parameters() if name.partition(".")[0] in {op.name for op in step.ops}]
    assert sum(op.trained_params for op in step.ops) == sum(p.numel() for p in trained)
    assert sum(op.params for op in step.ops) == sum(p.numel() for p in read)


def test_what_needs_no_gradient_costs_what_frozen_layers_do() -> None:
    frozen = Detached()
    frozen.a.requires_grad_(False)
    frozen.b.requires_grad_(False)
    costs = [
        cm.estimate(training(torch_export.read(net, torch.ones(5, 6))), cm.W32A32, cm.gpu("a100_sxm"))
        for net in (Without(), frozen)
    ]
    for column in ("flops", "optimizer_bytes", "footprint_bytes", "peak_activation_bytes"):
        assert costs[0].totals[column] == costs[1].totals[column]
    assert "16 of 121 parameters train" in costs[0].workload.covers
