"""A network's own answers as targets: how far a changed network departs from it, without labels."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import Data, Inputs, answer, run, split
from dse.sensitivity.tasks import BINARY, CLASSES, IGNORED, VALUES, Task, decide, variance

if TYPE_CHECKING:
    import torch


def outputs(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.Tensor":
    """Return a module's answers in evaluation mode, float64; ValueError where they are not one an example."""
    import torch

    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        return torch.cat([answer(run(twin, batch)) for batch in split(inputs, batch_size)]).double()


def predictions(module: "torch.nn.Module", inputs: Inputs, *, batch_size: int = 256) -> "torch.Tensor":
    """Return the targets of `own` without labels: class probabilities (N, classes) or values, float64."""
    found: torch.Tensor = own(module, (inputs, None), batch_size=batch_size)[0][1]
    return found


def own(module: "torch.nn.Module", data: Data, *, batch_size: int = 256) -> tuple[Data, Task]:
    """Return the inputs with a module's own answers as targets, float64, and the task whose loss takes them.

    With these as targets, the increase of the loss is the mean divergence of a changed network's answers, free of label
    noise: Kullback-Leibler of classes and of yes or no, and of values the squared difference relative to their
    variance. Positions whose class is IGNORED, or whose token `attention_mask` hides, do not count.
    ValueError where outputs are none of these (`tasks.decide`).
    """
    inputs, targets = data
    task = decide(module, data)
    found = outputs(module, inputs, batch_size=batch_size)
    if task.kind == VALUES:
        return (inputs, found), replace(task, scale=variance(found))
    if task.kind == BINARY:
        return (inputs, found if task.shares else found.sigmoid()), task
    shares = found if task.shares else found.softmax(task.axis)
    counted = _counted(task, shares.select(task.axis, 0), inputs, targets)
    if counted is not None:
        shares = shares * (counted / counted.mean()).unsqueeze(task.axis)
    return (inputs, shares), replace(task, counted=1.0)


def _counted(task: Task, positions: "torch.Tensor", inputs: Inputs, targets: Any) -> "torch.Tensor | None":
    """float64 of the positions' shape, 1 where one counts and 0 where not; None where all do or none does."""
    counts = positions.new_ones(positions.shape)
    if task.kind == CLASSES and targets is not None and task.counted < 1:
        counts = counts * (task.classes(targets, positions.shape) != IGNORED)
    mask = inputs.get("attention_mask") if isinstance(inputs, Mapping) else None
    if mask is not None and mask.shape == positions.shape:
        counts = counts * (mask != 0)
    return counts if 0 < float(counts.mean()) < 1 else None


def squared_error(found: Any, expected: "torch.Tensor") -> "torch.Tensor":
    """The mean squared difference of a batch of answers, in float64."""
    return (answer(found).double() - expected).square().mean()
