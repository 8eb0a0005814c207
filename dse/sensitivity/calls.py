"""Calls of a module on examples: by position or by keyword, a batch at a time, and the tensor among its outputs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import torch

Inputs: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...] | Mapping[str, torch.Tensor]"
"""Tensors whose first axis counts examples: one, several positional arguments, or keyword arguments."""
Data: TypeAlias = "tuple[Inputs, Any]"
"""(inputs, targets): targets a tensor of as many examples, or None where there are inputs alone."""
LossFn: TypeAlias = "Callable[[Any, torch.Tensor], torch.Tensor]"


def run(module: "torch.nn.Module", inputs: Inputs) -> Any:
    """Call a module on inputs, as its arguments."""
    return module(**inputs) if isinstance(inputs, Mapping) else module(*as_tuple(inputs))


def answer(outputs: Any) -> "torch.Tensor":
    """The tensor among a module's outputs that is its answer: `logits` by name where there is such, else the first.

    ValueError where there is none, or it has no axis of examples.
    """
    import torch

    named = outputs.get("logits") if isinstance(outputs, Mapping) else getattr(outputs, "logits", None)
    for leaf in (named, *torch.utils._pytree.tree_leaves(outputs)):
        if isinstance(leaf, torch.Tensor):
            if leaf.ndim:
                return leaf
            break
    raise ValueError(f"a network's outputs must hold a tensor with an axis of examples, got {_kind(outputs)}")


def batches(data: Data, batch_size: int) -> "Iterator[tuple[Inputs, torch.Tensor]]":
    """Yield (inputs, targets) of `batch_size` examples at a time, in order; ValueError as `split`."""
    inputs, targets = checked(data)
    for rows in _rows((*tensors(inputs), targets), batch_size):
        yield take(inputs, rows), targets[rows]


def split(inputs: Inputs, batch_size: int) -> Iterator[Inputs]:
    """Yield the inputs' examples, `batch_size` at a time, in order; ValueError unless all have as many, one or more."""
    for rows in _rows(tensors(inputs), batch_size):
        yield take(inputs, rows)


def take(inputs: Inputs, rows: Any) -> Inputs:
    """The inputs' examples at `rows`, a slice or indices."""
    if isinstance(inputs, Mapping):
        return {name: tensor[rows] for name, tensor in inputs.items()}
    return tuple(tensor[rows] for tensor in as_tuple(inputs))


def tensors(inputs: Inputs) -> "tuple[torch.Tensor, ...]":
    """The tensors that inputs consist of."""
    return tuple(inputs.values()) if isinstance(inputs, Mapping) else as_tuple(inputs)


def as_tuple(inputs: Inputs) -> "tuple[torch.Tensor, ...]":
    """Positional arguments of a module: several as they are, one as a tuple of one; ValueError on keyword arguments."""
    if isinstance(inputs, Mapping):
        raise ValueError(f"inputs must be positional arguments here, got keywords {', '.join(map(str, inputs))}")
    return tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)


def checked(data: Data) -> Data:
    """Return (inputs, targets); ValueError where data is no such pair."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"data must be (inputs, targets), got {type(data).__name__}")
    return data[0], data[1]


@contextmanager
def evaluating(module: "torch.nn.Module") -> Iterator[None]:
    """Evaluation mode and no gradients in the body; the modes of all parts return after it."""
    import torch

    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def _rows(found: "tuple[torch.Tensor, ...]", batch_size: int) -> Iterator[slice]:
    import torch

    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    for tensor in found:
        if not isinstance(tensor, torch.Tensor) or not tensor.ndim:
            raise ValueError(f"inputs and targets must be tensors of examples, got {type(tensor).__name__}")
    lengths = sorted({len(tensor) for tensor in found})
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"inputs and targets must have the same number of examples, at least 1, got {lengths}")
    for start in range(0, lengths[0], batch_size):
        yield slice(start, start + batch_size)


def _kind(outputs: Any) -> str:
    shape = getattr(outputs, "shape", None)
    return type(outputs).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")
