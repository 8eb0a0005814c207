"""A network's own outputs as targets: their cross entropy rises by the KL divergence from the network as it was."""

from typing import TYPE_CHECKING

from dse.sensitivity.evaluate import Inputs, as_tuple, split

if TYPE_CHECKING:
    import torch


def predictions(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.Tensor":
    """Return class probabilities (N, classes, ...) of a module in evaluation mode, float64.

    With these as targets, the increase of the cross entropy is the mean KL divergence of a changed network's outputs:
    never negative, free of label noise. ValueError where outputs are not (N, classes, ...).
    """
    import copy

    import torch

    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        outputs = [twin(*batch) for batch in split(as_tuple(inputs), batch_size)]
    if not all(isinstance(part, torch.Tensor) and part.ndim >= 2 for part in outputs):
        raise ValueError("predictions need outputs (N, classes, ...); pass labels and a loss_fn instead")
    return torch.cat(outputs).double().softmax(1)
