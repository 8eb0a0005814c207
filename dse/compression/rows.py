"""A layer's weight as a matrix, output channels by inputs, and the inputs that meet its columns."""

from typing import TYPE_CHECKING, Any

import numpy as np

from costmodel.formats import Format, largest, quantize
from dse.sensitivity.layers import output_axis

if TYPE_CHECKING:
    import torch


def rows(part: "torch.nn.Module") -> "torch.Tensor":
    """Return the weight as float64 [output channels, weights a channel]."""
    first = part.get_parameter("weight").detach().double().movedim(output_axis(part), 0)
    return first.reshape(len(first), -1)


def as_weight(part: "torch.nn.Module", matrix: "torch.Tensor") -> "torch.Tensor":
    """Return a matrix of `rows` in the shape and dtype of the layer's weight."""
    weight = part.get_parameter("weight")
    first = matrix.reshape(weight.movedim(output_axis(part), 0).shape)
    return first.movedim(0, output_axis(part)).to(weight).contiguous()


def patches(part: "torch.nn.Module", x: "torch.Tensor") -> "torch.Tensor | None":
    """Return the inputs float64 [groups, examples, weights a channel] whose products with `rows` are the outputs.

    None for layers that are no plain linear map or convolution padded with zeros.
    """
    import torch
    from torch import nn

    if isinstance(part, nn.Linear) or type(part).__name__ == "Conv1D":
        return x.double().reshape(1, -1, x.shape[-1])
    if not isinstance(part, nn.Conv1d | nn.Conv2d) or part.padding_mode != "zeros" or isinstance(part.padding, str):
        return None
    two: Any = isinstance(part, nn.Conv2d)
    image = x.double() if two else x.double().unsqueeze(-2)
    shape = {
        name: value if two else (neutral, *value)
        for name, value, neutral in (
            ("kernel_size", part.kernel_size, 1),
            ("dilation", part.dilation, 1),
            ("padding", part.padding, 0),
            ("stride", part.stride, 1),
        )
    }
    columns = nn.functional.unfold(image, **shape).unflatten(1, (part.groups, -1))
    grouped: torch.Tensor = columns.permute(1, 0, 3, 2).flatten(1, 2)
    return grouped


def scale_of(matrix: "torch.Tensor", fmt: Format) -> "torch.Tensor":
    """Return the scale of each row [rows, 1]: its largest magnitude meets the format's largest value."""
    import torch

    top = matrix.abs().amax(1, keepdim=True) / largest(fmt)
    return torch.where(top > 0, top, 1.0)


def nearest(matrix: "torch.Tensor", fmt: Format, scale: "torch.Tensor") -> "torch.Tensor":
    """Return float64 values rounded to the nearest of the format's grid times `scale`; integers are symmetric."""
    import torch

    if fmt.encoding == "integer":
        top = largest(fmt)
        return (matrix / scale).round().clamp(-top, top) * scale
    return torch.from_numpy(quantize(matrix.detach().numpy(), fmt, scale=np.asarray(scale.detach().numpy())))


def has_row_scale(fmt: Format) -> bool:
    """Whether a weight in that format has one scale a row that is not itself rounded: no groups, no wide floats."""
    return not fmt.scale and not (fmt.is_float and fmt.bits >= 16) and fmt.mantissa_bits * (not fmt.is_float) == 0
