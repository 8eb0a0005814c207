"""How good a module is on data: mean loss and score, without gradients."""

from typing import TYPE_CHECKING, NamedTuple

from dse.sensitivity.calls import Data, LossFn, batches, checked, evaluating, run
from dse.sensitivity.tasks import VALUES, Task, decided

if TYPE_CHECKING:
    import torch


class Score(NamedTuple):
    """The mean loss over data; the share of right answers where they are classes or yes or no, R2 where values.

    R2 is 1 less the squared error relative to the variance of the targets, of several outputs their mean.
    """

    loss: float
    accuracy: float | None
    r2: float | None = None


def evaluate(module: "torch.nn.Module", data: Data, *, loss_fn: "LossFn | None" = None, batch_size: int = 256) -> Score:
    """Return loss and score of one pass over the data, in evaluation mode; the module's own mode stays.

    data     (inputs, targets), tensors whose first axis counts examples; several inputs are a tuple, one a positional
             argument each, or a mapping, one a keyword each
    loss_fn  maps (outputs, targets) to the mean loss of a batch; by default that of the task (`tasks.decided`)
    ValueError on data that is not such and, without a loss_fn, where targets do not fit the outputs.
    """
    total, error, right, graded = 0.0, 0.0, 0, 0
    task: Task | None = None
    targets = checked(data)[1]
    with evaluating(module):
        for index, (arguments, answers) in enumerate(batches(data, batch_size)):
            outputs = run(module, arguments)
            if not index:
                task = _task(outputs, data, len(answers), required=loss_fn is None)
            score = loss_fn or (task.loss if task else None)
            assert score is not None
            total += float(score(outputs, answers)) * len(answers)
            if task:
                hits, of = task.right(outputs, answers)
                right, graded = right + hits, graded + of
            if task and task.kind == VALUES:
                error += float(task.loss(outputs, answers)) * len(answers)
    r2 = 1 - error / len(targets) if task and task.kind == VALUES else None
    return Score(total / len(targets), right / graded if graded else None, r2)


def mean_loss(
    module: "torch.nn.Module", data: Data, *, loss_fn: "LossFn | None" = None, batch_size: int = 256
) -> float:
    """Return the mean loss over the examples of `data`; arguments as in `evaluate`."""
    return evaluate(module, data, loss_fn=loss_fn, batch_size=batch_size).loss


def accuracy(module: "torch.nn.Module", data: Data, *, batch_size: int = 256) -> float:
    """Return the share of right answers; ValueError where outputs are values, or targets do not fit."""
    right = evaluate(module, data, batch_size=batch_size).accuracy
    if right is None:
        raise ValueError("accuracy needs targets that are classes, or yes or no; got values")
    return right


def _task(outputs: object, data: Data, examples: int, *, required: bool) -> Task | None:
    """What outputs are; None where that cannot be told and is not required."""
    try:
        return decided(outputs, data, examples)
    except ValueError:
        if required:
            raise
        return None
