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
from dse.sensitivity.calls import Data, LossFn, answer, batches, checked, run, split
from dse.sensitivity.layers import select
from dse.sensitivity.round_trip import round_weight
from dse.sensitivity.tasks import BINARY, VALUES, Task, decide

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
    targets = checked(data)[1]
    score = loss_fn or decide(twin, data).loss
    for done, (arguments, answers) in enumerate(batches(data, 1), start=1):
        slopes = torch.autograd.grad(score(run(twin, arguments), answers), weights, allow_unused=True)
        for total, slope in zip(totals, slopes, strict=True):
            if slope is not None:
                total.add_(slope.double().square())
        if progress:
            progress(done, len(targets))
    return {name: total / len(targets) for name, total in zip(parts, totals, strict=True)}


def drawn(
    module: "torch.nn.Module", data: Data, task: Task | None = None, *, seed: int = 0, batch_size: int = 256
) -> Data:
    """Return the data's inputs with targets drawn from what the network itself says: classes, yes or no, or values.

    Values are drawn from the normal distribution around an output whose log likelihood the task's loss is.
    """
    import torch

    task = task or decide(module, data)
    twin = copy.deepcopy(module).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        found = [_draw(answer(run(twin, batch)).double(), task, generator) for batch in split(data[0], batch_size)]
    return data[0], torch.cat(found)


def _draw(found: "torch.Tensor", task: Task, generator: "torch.Generator") -> "torch.Tensor":
    import torch

    if task.kind == VALUES:
        spread = torch.as_tensor(task.scale * found[:1].numel() / 2, dtype=torch.float64).sqrt()
        return found + spread * torch.randn(found.shape, generator=generator, dtype=torch.float64)
    if task.kind == BINARY:
        return torch.bernoulli(found.clamp(0, 1) if task.shares else found.sigmoid(), generator=generator)
    share = (found if task.shares else found.softmax(task.axis)).movedim(task.axis, -1)
    labels = torch.multinomial(share.flatten(0, -2), 1, generator=generator)
    return labels.reshape(share.shape[:-1])


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
