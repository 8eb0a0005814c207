"""The diagonal of the Fisher information of each layer's weights, and the loss increase that it foretells.

Kim, Hooper, Gholami, Dong, Li, Shen, Mahoney, Keutzer, SqueezeLLM: Dense-and-Sparse Quantization, arXiv 2306.07629,
section 4.1: the mean squared gradient of single examples stands for the Hessian's diagonal. On the data's own labels
this is the empirical Fisher, which is the Fisher information only where the network predicts them as often as they
occur (Kunstner, Balles, Hennig, Limitations of the Empirical Fisher Approximation, arXiv 1905.12558): `drawn` draws
labels from the network instead.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from dse.sensitivity.evaluate import Data, LossFn, checked, cross_entropy, split
from dse.sensitivity.layers import select
from dse.sensitivity.round_trip import round_weight

if TYPE_CHECKING:
    import torch


def fisher_diagonal(
    module: "torch.nn.Module",
    data: Data,
    layers: Iterable[str],
    *,
    loss_fn: "LossFn | None" = None,
    progress: Callable[[int, int], Any] | None = None,
) -> "dict[str, torch.Tensor]":
    """Return the mean squared gradient of each layer's weight, in its shape and float64.

    data, loss_fn as in `evaluate`; one backward pass an example. `progress` is told (example, examples).
    """
    import torch

    twin = copy.deepcopy(module).eval()
    parts = select(twin, layers)
    weights = [part.get_parameter("weight").requires_grad_() for part in parts.values()]
    totals = [torch.zeros_like(weight, dtype=torch.float64) for weight in weights]
    inputs, targets = checked(data)
    score = loss_fn or cross_entropy
    for done, (*arguments, answers) in enumerate(split((*inputs, targets), 1), start=1):
        slopes = torch.autograd.grad(score(twin(*arguments), answers), weights, allow_unused=True)
        for total, slope in zip(totals, slopes, strict=True):
            if slope is not None:
                total.add_(slope.double().square())
        if progress:
            progress(done, len(targets))
    return {name: total / len(targets) for name, total in zip(parts, totals, strict=True)}


def drawn(module: "torch.nn.Module", data: Data, *, seed: int = 0, batch_size: int = 256) -> Data:
    """Return the data's inputs with classes drawn from the network's own softmax over axis 1 of its outputs."""
    import torch

    inputs, targets = checked(data)
    twin = copy.deepcopy(module).eval()
    generator = torch.Generator().manual_seed(seed)
    found = []
    with torch.no_grad():
        for *arguments, _ in split((*inputs, targets), batch_size):
            share = twin(*arguments).double().softmax(1).movedim(1, -1)
            labels = torch.multinomial(share.flatten(0, -2), 1, generator=generator)
            found.append(labels.reshape(share.shape[:-1]))
    return inputs, torch.cat(found)


def fisher_loss(
    module: "torch.nn.Module", diagonal: "Mapping[str, torch.Tensor]", options: Sequence[Precision]
) -> NDArray[np.float64]:
    """Return float64 [layers, options]: half the sum of the diagonal times the squared change of each weight.

    Activations have no part in it: options of equal weight formats get equal values.
    """
    parts = select(module, diagonal)
    rows = [[_increase(part, diagonal[name], option) for option in options] for name, part in parts.items()]
    return np.array(rows, dtype=np.float64).reshape(len(parts), len(options))


def _increase(part: "torch.nn.Module", diagonal: "torch.Tensor", option: Precision) -> float:
    change = (round_weight(part, option.weight) - part.get_parameter("weight").detach()).double()
    return float((diagonal * change.square()).sum()) / 2
