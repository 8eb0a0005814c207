"""Run a module as if its layers were quantised: values of the format's grid, arithmetic in the module's own dtype.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
arXiv 1712.05877, simulate quantised inference so.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from costmodel.formats import Format
from costmodel.precision import Precision
from dse.sensitivity import round_trip
from dse.sensitivity.layers import edit_input, select
from dse.sensitivity.ranges import Range

if TYPE_CHECKING:
    import torch


def apply(
    module: "torch.nn.Module", precisions: Mapping[str, Precision], ranges: Mapping[str, Range]
) -> "torch.nn.Module":
    """Return a deep copy in evaluation mode whose named layers have quantised weights and inputs.

    precisions  by named_modules() name, which costmodel.importers.torch_export gives to ops; other layers stay
    ranges      of those layers' inputs, from `observe`; formats with a scale of their own or of 16-bit floats need none
    Weights have a scale an output channel, inputs a fixed scale a tensor (`round_trip`); biases and norms keep their
    precision. A weight that several layers share is stored once, so it changes for all of them.
    UnknownNameError on an unknown layer; ValueError where a range is missing, or layers that share a weight disagree.
    """
    twin = copy.deepcopy(module).eval()
    parts = select(twin, precisions)
    owners = require_agreement(parts, precisions)
    for name, part in parts.items():
        if owners[part.get_parameter("weight")] == name:
            part.weight.data = round_trip.round_weight(part, precisions[name].weight)
        quantise_input(name, part, precisions[name].activation, ranges)
    return twin


def require_agreement(
    parts: "Mapping[str, torch.nn.Module]", precisions: Mapping[str, Precision]
) -> "dict[torch.nn.Parameter, str]":
    """Return the first layer that has each weight; ValueError where layers that share one differ in its format."""
    owners: dict[torch.nn.Parameter, str] = {}
    for name, part in parts.items():
        owner = owners.setdefault(part.get_parameter("weight"), name)
        kept, wanted = precisions[owner].weight, precisions[name].weight
        if kept != wanted:
            raise ValueError(f"layers {owner!r} and {name!r} share a weight: {kept.name} and {wanted.name} differ")
    return owners


def quantise_input(name: str, part: "torch.nn.Module", fmt: Format, ranges: Mapping[str, Range]) -> Any:
    """Round a layer's input at each call from now on, and return the hook's handle; ValueError without its range."""
    return edit_input(part, rounded_input(name, part, fmt, ranges))


def rounded_input(
    name: str, part: "torch.nn.Module", fmt: Format, ranges: Mapping[str, Range]
) -> "Callable[[torch.Tensor], torch.Tensor | None]":
    """The function that rounds a layer's input to a format, None where it stays; ValueError without its range."""
    scale = None
    if round_trip.is_static(fmt):
        if name not in ranges:
            raise ValueError(f"layer {name!r} needs a calibrated range of its input for {fmt.name}, got none")
        fmt, scale = round_trip.calibrated(fmt, ranges[name])
    return partial(round_trip.round_input, part=part, fmt=fmt, scale=scale)
