"""Training as if layers multiplied narrow numbers: weights, inputs and gradients edited, the master weights kept wide.

Bengio, Leonard, Courville, Estimating or Propagating Gradients Through Stochastic Neurons, arXiv 1308.3432: the
gradient passes an edit as if it were not there. A layer's two gradients are products of what the forward multiplied.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from dse.sensitivity.layers import edit_input, select

if TYPE_CHECKING:
    import torch

Edit: TypeAlias = "Callable[[torch.Tensor], torch.Tensor]"


@dataclass(frozen=True)
class Edits:
    """What a layer's weight, input and the gradient of its output become; None leaves one as it is."""

    weight: "Edit | None" = None
    input: "Edit | None" = None
    gradient: "Edit | None" = None


@contextmanager
def edited(module: "torch.nn.Module", edits: Mapping[str, Edits]) -> Iterator[None]:
    """Edit the named layers of a module within the context; afterwards it is as before, with the weights it learned.

    UnknownNameError on an unknown layer, ValueError on one without a weight matrix.
    """
    with ExitStack() as undone:
        for name, part in select(module, edits).items():
            _edit(part, edits[name], undone)
        yield


def _edit(part: "torch.nn.Module", edit: Edits, undone: ExitStack) -> None:
    from torch.nn.utils import parametrize

    if edit.weight:
        parametrize.register_parametrization(part, "weight", _through_module(edit.weight), unsafe=True)
        undone.callback(parametrize.remove_parametrizations, part, "weight", leave_parametrized=False)
    if edit.input:
        undone.callback(edit_input(part, _passing(edit.input)).remove)
    if edit.gradient:
        undone.callback(part.register_forward_hook(_on_gradient(edit.gradient)).remove)


def _passing(edit: Edit) -> Edit:
    function = _through()

    def pass_through(x: "torch.Tensor") -> "torch.Tensor":
        result: torch.Tensor = function.apply(x, edit)
        return result

    return pass_through


def _on_gradient(edit: Edit) -> Callable[..., None]:
    def hook(_: Any, __: Any, output: "torch.Tensor") -> None:
        if output.requires_grad:
            output.register_hook(edit)

    return hook


def _through_module(edit: Edit) -> "torch.nn.Module":
    import torch

    class Through(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return _passing(edit)(x)

    return Through()


@cache
def _through() -> Any:
    """The autograd function that edits forward and passes gradients on."""
    import torch

    class Through(torch.autograd.Function):
        @staticmethod
        def forward(_: Any, x: torch.Tensor, edit: Edit) -> torch.Tensor:
            return edit(x)

        @staticmethod
        def backward(_: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
            return gradients[0], None

    return Through
