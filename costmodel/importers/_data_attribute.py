"""A tensor's `.data`, which torch.export does not follow: it is traced as `detach()`, which gives the same."""

from typing import Any

UNTRACED = "We found a fake tensor in the exported program constant's list"
"""What torch.export says of a module that reads one."""


def as_detached() -> Any:
    """A context in which a tensor's `.data` is its `detach()`."""
    from torch import Tensor
    from torch.overrides import TorchFunctionMode

    class Detached(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return args[0].detach() if func == Tensor.data.__get__ else func(*args, **(kwargs or {}))  # type: ignore[attr-defined]

    return Detached()
