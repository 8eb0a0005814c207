"""How good a module is on data: mean loss and accuracy, without gradients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import torch

Inputs: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...]"
Data: TypeAlias = "tuple[Inputs, torch.Tensor]"
LossFn: TypeAlias = "Callable[[Any, torch.Tensor], torch.Tensor]"


class Score(NamedTuple):
    """The mean loss over data, and the fraction of right answers where the targets are classes."""

    loss: float
    accuracy: float | None


def evaluate(module: "torch.nn.Module", data: Data, *, loss_fn: "LossFn | None" = None, batch_size: int = 256) -> Score:
    """Return loss and accuracy of one pass over the data, in evaluation mode; the module's own mode stays.

    data     (inputs, targets), tensors whose first axis counts examples; several inputs are a tuple, one an argument
    loss_fn  maps (outputs, targets) to the mean loss of a batch; by default cross entropy, in float64
    Accuracy needs outputs (N, classes, ...) and integer targets (N, ...). ValueError on data that is not such.
    """
    import torch

    score = loss_fn or cross_entropy
    inputs, targets = checked(data)
    total, right, graded = 0.0, 0, 0
    with _evaluating(module), torch.no_grad():
        for *arguments, answers in split((*inputs, targets), batch_size):
            outputs = module(*arguments)
            total += float(score(outputs, answers)) * len(answers)
            if _is_classification(outputs, answers):
                right += int((outputs.argmax(1) == answers).sum())
                graded += answers.numel()
    return Score(total / len(targets), right / graded if graded else None)


def mean_loss(
    module: "torch.nn.Module", data: Data, *, loss_fn: "LossFn | None" = None, batch_size: int = 256
) -> float:
    """Return the mean loss over the examples of `data`; arguments as in `evaluate`."""
    return evaluate(module, data, loss_fn=loss_fn, batch_size=batch_size).loss


def accuracy(module: "torch.nn.Module", data: Data, *, batch_size: int = 256) -> float:
    """Return the fraction of examples whose largest output is the target's; ValueError where targets are no classes."""
    right = evaluate(module, data, loss_fn=_no_loss, batch_size=batch_size).accuracy
    if right is None:
        raise ValueError("accuracy needs integer targets (N, ...) and outputs (N, classes, ...), got others")
    return right


def split(tensors: "tuple[torch.Tensor, ...]", batch_size: int) -> "Iterator[tuple[torch.Tensor, ...]]":
    """Yield the tensors' rows, `batch_size` at a time, in order; ValueError unless all have as many, one or more."""
    import torch

    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor) or not tensor.ndim:
            raise ValueError(f"inputs and targets must be tensors of examples, got {type(tensor).__name__}")
    lengths = sorted({len(tensor) for tensor in tensors})
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"inputs and targets must have the same number of examples, at least 1, got {lengths}")
    for start in range(0, lengths[0], batch_size):
        yield tuple(tensor[start : start + batch_size] for tensor in tensors)


def as_tuple(inputs: Inputs) -> "tuple[torch.Tensor, ...]":
    """The arguments of a module: several inputs as they are, one as a tuple of one."""
    return tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)


def checked(data: Data) -> "tuple[tuple[torch.Tensor, ...], torch.Tensor]":
    """Return the inputs as a tuple, and the targets; ValueError where data is no such pair."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"data must be (inputs, targets), got {type(data).__name__}")
    return as_tuple(data[0]), data[1]


@contextmanager
def _evaluating(module: "torch.nn.Module") -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def _is_classification(outputs: Any, targets: "torch.Tensor") -> bool:
    if not hasattr(outputs, "ndim") or targets.is_floating_point() or targets.is_complex():
        return False
    return bool(outputs.ndim >= 2 and outputs.shape[:1] + outputs.shape[2:] == targets.shape)


def cross_entropy(outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
    """The mean cross entropy of a batch, in float64: the loss where none is given."""
    import torch

    return torch.nn.functional.cross_entropy(outputs.double(), targets)


def _no_loss(_: Any, targets: "torch.Tensor") -> "torch.Tensor":
    return targets.new_zeros(())
