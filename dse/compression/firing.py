"""Filters chosen by input: a predictor a layer learns which of them fire, and the others' results are zero.

Elkerdawy et al., Fire Together Wire Together, arXiv 2110.08232, section 3, as selkerdawy/FTWT, utils/layers.py: the
filters whose largest activations make up the mass r of a layer's are to fire; a pooled pointwise layer predicts them by
binary cross entropy, and its rounded answers mask the layer while the network learns its task. A gate stands behind the
convolution's norm, before a sum: what reads a sum sees the channels of any addend, as `dynamic_filters` counts.
"""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from costmodel.workload import Workload
from dse.compression.fine_tune import run
from dse.sensitivity.calls import Data, Inputs, as_tuple
from dse.sensitivity.tasks import decide

if TYPE_CHECKING:
    import torch

MASK_WEIGHT = 1.0
"""What the predictors' loss counts beside the task's (a judgement; the paper's losses do not share gradients)."""


class Firing(NamedTuple):
    """A gated network, the fraction of filters that fire on the data it was trained on, and its deviation by input."""

    module: "torch.nn.Module"
    keep: float
    deviation: float


def norms_of(workload: Workload) -> dict[str, str]:
    """Return the norm that alone reads each convolution, by the convolution's name: where a gate can stand."""
    made = {op.name for op in workload.ops if op.kind == "conv" and op.b == 1}
    return {op.inputs[0]: op.name for op in workload.ops if op.kind == "norm" and op.inputs and op.inputs[0] in made}


def fire_together(
    module: "torch.nn.Module", gates: Mapping[str, str], data: Data, *, mass: float, epochs: int,
    learning_rate: float = 2e-3, seed: int = 0,
) -> Firing:  # fmt: skip
    """Train a twin with a gate at each of `gates`, a norm by its convolution (`norms_of`): at least one epoch.

    `mass` in (0, 1] is the part of a layer's activation that is to fire, 1 all that is not zero. ValueError elsewhere,
    and without gates.
    """
    import torch

    if not 0 < mass <= 1 or epochs < 1 or not gates:
        raise ValueError(f"mass must be in (0, 1], epochs and gates at least 1, got {mass=}, {epochs=}, {len(gates)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        gated = _gated(copy.deepcopy(module), gates, mass)

    task = decide(module, data)

    def step(_: float, arguments: "tuple[torch.Tensor, ...]", answers: "torch.Tensor") -> "torch.Tensor":
        masks = torch.stack([gate.loss() for gate in gated.gates]).sum()
        return task.loss(gated(*arguments), answers) + MASK_WEIGHT * masks

    run(gated, data, step, epochs=epochs, learning_rate=learning_rate, seed=seed)
    shares = firing_shares(gated.eval(), data[0])
    return Firing(gated, float(shares.mean()), float(shares.std()))


def firing_shares(gated: Any, inputs: Inputs) -> "torch.Tensor":
    """Return the fraction of gated filters that fire on each input of a network of `fire_together`: [examples]."""
    import torch

    with torch.no_grad():
        gated(*as_tuple(inputs))
    return torch.cat([gate.mask for gate in gated.gates], dim=1).mean(1)


def _gated(module: "torch.nn.Module", gates: Mapping[str, str], mass: float) -> Any:
    """The module with a gate before each convolution and behind its norm, in a shell that owns the gates."""
    from torch import nn

    class Gate(nn.Module):
        """A logit a filter from the largest value of each input channel, its rounded answer, and what it should be."""

        def __init__(self, channels: int, filters: int) -> None:
            super().__init__()
            self.linear = nn.Linear(channels, filters)
            nn.init.constant_(self.linear.bias, 1.0)  # at first, filters fire
            self.logits = self.mask = self.target = self.linear.bias.detach()

        def look(self, _: Any, arguments: Any) -> None:
            self.logits = self.linear(arguments[0].detach().flatten(2).amax(2))
            self.mask = (self.logits > 0).to(self.logits)

        def gate(self, _: Any, __: Any, output: "torch.Tensor") -> "torch.Tensor":
            self.target = _fires(output.detach().relu().flatten(2).amax(2), mass)
            return output * self.mask[:, :, None, None]

        def loss(self) -> "torch.Tensor":
            return nn.functional.binary_cross_entropy_with_logits(self.logits, self.target)

    class Gated(nn.Module):
        """The network and its gates."""

        def __init__(self) -> None:
            super().__init__()
            self.inner, self.gates = module, nn.ModuleList()
            for conv, norm in gates.items():
                layer: Any = module.get_submodule(conv)
                gate = Gate(layer.in_channels, layer.out_channels)
                layer.register_forward_pre_hook(gate.look)
                module.get_submodule(norm).register_forward_hook(gate.gate)
                self.gates.append(gate)

        def forward(self, *arguments: "torch.Tensor") -> Any:
            return self.inner(*arguments)

    return Gated()


def _fires(activations: "torch.Tensor", mass: float) -> "torch.Tensor":
    """Which filters, the strongest first, make up `mass` of the sum of activations [examples, filters]; 1.0 or 0.0."""
    import torch

    total = activations.sum(1, keepdim=True).clamp_min(1e-12)
    sorted_, order = (activations / total).sort(dim=1, descending=True)
    before = sorted_.cumsum(1) - sorted_
    fires = ((before < mass) & (sorted_ > 0)).to(activations)
    return torch.zeros_like(activations).scatter_(1, order, fires)
