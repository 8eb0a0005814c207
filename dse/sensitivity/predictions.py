"""A network's own outputs as targets: how far a changed network departs from it, without labels."""

from typing import TYPE_CHECKING

from dse.sensitivity.evaluate import Inputs, as_tuple, split

if TYPE_CHECKING:
    import torch


def outputs(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.Tensor":
    """Return a module's outputs in evaluation mode, float64; ValueError where they are not one tensor an example."""
    import copy

    import torch

    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        found = [twin(*batch) for batch in split(as_tuple(inputs), batch_size)]
    if not all(isinstance(part, torch.Tensor) and part.ndim for part in found):
        raise ValueError("a network's own outputs as targets must be one tensor; pass labels and a loss_fn instead")
    return torch.cat(found).double()


def predictions(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.Tensor":
    """Return class probabilities (N, classes, ...) of a module in evaluation mode, float64.

    With these as targets, the increase of the cross entropy is the mean KL divergence of a changed network's outputs:
    never negative, free of label noise. ValueError where outputs are not (N, classes, ...).
    """
    found = outputs(module, inputs, batch_size=batch_size)
    if found.ndim < 2:
        raise ValueError("predictions need outputs (N, classes, ...); pass labels and a loss_fn instead")
    return found.softmax(1)


def squared_error(found: "torch.Tensor", expected: "torch.Tensor") -> "torch.Tensor":
    """The mean squared difference of a batch of outputs, in float64."""
    return (found.double() - expected).square().mean()
