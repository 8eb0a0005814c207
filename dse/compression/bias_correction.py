"""Bias correction: give each output channel back the mean that quantisation moved.

Nagel, van Baalen, Blankevoort, Welling, Data-Free Quantization Through Weight Equalization and Bias Correction,
arXiv 1906.04721, section 4.2, with the means measured on data (its appendix D) instead of derived from batch norms.
"""

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.layers import channel_axis, select

if TYPE_CHECKING:
    import torch


def correct_biases(
    quantised: "torch.nn.Module", reference: "torch.nn.Module", layers: Iterable[str], inputs: Inputs
) -> "torch.nn.Module":
    """Return a twin of a quantised network whose layers have, on `inputs`, the mean outputs of the reference's.

    Layers are corrected in the order in which the data reach them, each given the corrected ones before it, in one
    batch; one without a bias gets one. Kinds of layers that have none (embeddings) stay as they are. Of a layer called
    more than once the first call counts.
    """
    import torch

    names = [name for name, part in select(quantised, layers).items() if hasattr(part, "bias")]
    means: dict[str, torch.Tensor] = {}
    with torch.no_grad(), _hooked(copy.deepcopy(reference).eval(), names, _noting(means)) as twin:
        run(twin, inputs)
    seen: set[str] = set()

    def correct(name: str, part: Any, output: torch.Tensor) -> torch.Tensor | None:
        if name in seen or name not in means:
            return None
        seen.add(name)
        error = channel_means(part, output) - means[name]
        bias = torch.zeros_like(error) if part.bias is None else part.bias.detach().double()
        part.bias = torch.nn.Parameter((bias - error).to(output))
        return output - _along_channels(part, error, output).to(output)

    with torch.no_grad(), _hooked(copy.deepcopy(quantised).eval(), names, correct) as twin:
        run(twin, inputs)
    return twin


def channel_means(part: "torch.nn.Module", output: "torch.Tensor") -> "torch.Tensor":
    """Return the mean of each output channel, float64 [channels]."""
    axis = channel_axis(part) % output.ndim
    return output.double().mean([i for i in range(output.ndim) if i != axis])


def _along_channels(part: "torch.nn.Module", values: "torch.Tensor", output: "torch.Tensor") -> "torch.Tensor":
    axis = channel_axis(part) % output.ndim
    return values.reshape([-1 if i == axis else 1 for i in range(output.ndim)])


def _noting(means: "dict[str, torch.Tensor]") -> Any:
    def note(name: str, part: Any, output: Any) -> None:
        means.setdefault(name, channel_means(part, output))

    return note


class _hooked:  # noqa: N801 a context manager, named as a verb
    def __init__(self, module: "torch.nn.Module", names: Iterable[str], edit: Any) -> None:
        self.module, self.names, self.edit = module, names, edit

    def __enter__(self) -> "torch.nn.Module":
        parts = select(self.module, self.names)
        self.handles = [
            part.register_forward_hook(lambda p, _, output, name=name: self.edit(name, p, output))
            for name, part in parts.items()
        ]
        return self.module

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
