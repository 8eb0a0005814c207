"""The layers of a torch module whose formats are a choice: those that own a weight matrix."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from costmodel.catalog import require

if TYPE_CHECKING:
    import torch


def quantisable(module: "torch.nn.Module") -> tuple[str, ...]:
    """Return the named_modules() names of the modules with a `weight` parameter of two or more dimensions.

    Norms, with one number a channel, and modules that compute their weight at each call are not among them.
    """
    return tuple(name for name, part in module.named_modules() if _has_matrix(part))


def select(module: "torch.nn.Module", names: Iterable[str]) -> "dict[str, torch.nn.Module]":
    """Return the layers of those names; UnknownNameError lists near names, ValueError names one without a matrix."""
    modules = dict(module.named_modules())
    found = {name: modules[require("layer", name, modules)] for name in names}
    for name, part in found.items():
        if not _has_matrix(part):
            kind = type(part).__name__
            raise ValueError(f"layer {name!r} must own a `weight` parameter of 2 or more dimensions; {kind} does not")
    return found


def output_axis(part: "torch.nn.Module") -> int:
    """The axis of a layer's weight that counts output channels: 1 where input channels come first."""
    import torch

    kind = type(part)
    transposed = isinstance(part, torch.nn.modules.conv._ConvTransposeNd)
    return int(transposed or (kind.__module__, kind.__name__) == ("transformers.pytorch_utils", "Conv1D"))


def channel_axis(part: "torch.nn.Module") -> int:
    """The axis of a layer's input that counts channels, which products are summed over; counted from the end."""
    import torch

    if isinstance(part, torch.nn.modules.conv._ConvNd):
        return 1 - part.weight.ndim
    return -1


def edit_input(part: "torch.nn.Module", edit: "Callable[[torch.Tensor], torch.Tensor | None]") -> Any:
    """Hand a layer's input tensor to `edit` before each call, after the hooks already there, and return the handle.

    The layer sees what `edit` returns; None leaves the input as it is.
    """

    def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        key = None if args else next(iter(kwargs))
        edited = edit(args[0] if key is None else kwargs[key])
        if edited is None:
            return args, kwargs
        return ((edited, *args[1:]), kwargs) if key is None else (args, kwargs | {key: edited})

    return part.register_forward_pre_hook(hook, with_kwargs=True)


def _has_matrix(part: "torch.nn.Module") -> bool:
    weight = part._parameters.get("weight")
    return weight is not None and weight.ndim >= 2
