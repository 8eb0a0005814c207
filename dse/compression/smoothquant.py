"""SmoothQuant: move the outliers of activations into the weights that they meet.

Xiao, Lin, Seznec, Wu, Demouth, Han, SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language
Models, arXiv 2211.10438, equation 4.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from costmodel.formats import Format, get
from dse.sensitivity.calls import Inputs, run
from dse.sensitivity.clipping import Floats, clip, min_max
from dse.sensitivity.layers import select
from dse.sensitivity.ranges import observe

if TYPE_CHECKING:
    import torch

LEAST = 1e-5
"""Smaller factors, of channels that are almost never used, are raised to this (as the authors' code does)."""

UNCHANGED_RTOL = 1e-3
"""A larger change of the outputs, as a share of the largest, means that the producer feeds more than it was said to."""


def smooth(
    module: "torch.nn.Module", producers: Mapping[str, Sequence[str]], inputs: Inputs, *, alpha: float = 0.5
) -> "torch.nn.Module":
    """Return a twin in evaluation mode, the same function, with outliers moved from inputs to weights.

    producers  {a norm or linear layer: the linear layers that its output goes to, and nothing else}
    inputs     calibration examples, one batch
    alpha      0 leaves the activations as they are, 1 makes their channels' largest magnitudes all equal
    ValueError where alpha is outside [0, 1], a producer is neither kind, or the function does not stay.
    """
    import torch

    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be within 0 and 1, got {alpha}")
    twin = copy.deepcopy(module).eval()
    consumers = select(twin, dict.fromkeys(name for names in producers.values() for name in names))
    seen = clip(twin, observe(twin, consumers, inputs), inputs, ["int8"], _magnitudes, channels=1)
    for producer, names in producers.items():
        weights = [consumers[name].get_parameter("weight") for name in names]
        reach = torch.stack([weight.detach().double().abs().amax(0) for weight in weights]).amax(0)
        active = torch.as_tensor(seen[names[0]].limits["int8"], dtype=torch.float64)
        factor = (active.pow(alpha) / reach.clamp_min(LEAST).pow(1 - alpha)).clamp_min(LEAST)
        _divide(producer, twin.get_submodule(producer), factor)
        for weight in weights:
            weight.data = (weight.data.double() * factor).to(weight)
    with torch.no_grad():
        before, after = (run(m, inputs) for m in (copy.deepcopy(module).eval(), twin))
    if (after - before).abs().max() > UNCHANGED_RTOL * before.abs().max():
        raise ValueError(f"one of {', '.join(map(repr, producers))} feeds more than the layers named for it")
    return twin


def _magnitudes(values: Floats, _: Format) -> Floats:
    """The largest magnitudes, negative ones too."""
    return min_max(values, get("int8"))


def _divide(name: str, part: "torch.nn.Module", factor: "torch.Tensor") -> None:
    import torch

    weight, bias = getattr(part, "weight", None), getattr(part, "bias", None)
    kinds = torch.nn.Linear | torch.nn.LayerNorm | torch.nn.RMSNorm
    if weight is None or len(weight) != len(factor) or not isinstance(part, kinds):
        raise ValueError(f"{name!r} must be a linear layer or a norm with weights, of {len(factor)} channels")
    weight.data = (weight.data.double() / factor.reshape(-1, *[1] * (weight.ndim - 1))).to(weight)
    if bias is not None:
        bias.data = (bias.data.double() / factor).to(bias)
