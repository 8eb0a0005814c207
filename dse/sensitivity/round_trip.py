"""Torch tensors through a format of the cost model and back."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from costmodel.formats import Format, get, largest, quantize
from dse.sensitivity.layers import channel_axis, output_axis
from dse.sensitivity.ranges import Range

if TYPE_CHECKING:
    import torch

FLOAT32 = np.finfo(np.float32)

Scale: TypeAlias = "float | NDArray[np.float64] | None"
"""The step of a fixed grid: a number, one for each channel as an array that broadcasts to the input, or none fixed."""


def round_weight(part: "torch.nn.Module", fmt: Format) -> "torch.Tensor":
    """Return a layer's weight after a round trip, in its own dtype and shape.

    Each output channel has its own scale; formats of 16 bits and more are cast, group formats have one scale every
    `group_size` elements of a channel's weights in the order they are stored.
    """
    tensor: torch.Tensor = part.get_parameter("weight").detach()
    if keeps(fmt, tensor.dtype):
        return tensor
    first = np.moveaxis(_array(tensor), output_axis(part), 0)
    rows = quantize(first.reshape(len(first), -1), fmt, axis=-1 if fmt.scale else 0)
    return _tensor(np.moveaxis(rows.reshape(first.shape), 0, output_axis(part)), like=tensor)


def round_input(x: "torch.Tensor", part: "torch.nn.Module", fmt: Format, scale: Scale) -> "torch.Tensor | None":
    """Return a layer's input after a round trip, or None where it stays as it is: indices, and formats as wide.

    `scale` and the format are those of `calibrated`; group formats choose scales at each call, along the channels.
    Divided by a fixed scale in float32 at least, as what runs an export divides: a tie there is a tie here.
    """
    import torch

    if not x.is_floating_point() or keeps(fmt, x.dtype):
        return None
    if scale is None:
        return _tensor(quantize(_array(x), fmt, axis=channel_axis(part) if fmt.scale else None), like=x)
    step = torch.as_tensor(scale, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device)
    return (_tensor(quantize(_array(x / step), fmt, scale=1.0), like=step) * step).to(x)


def calibrated(fmt: Format, seen: Range) -> tuple[Format, Scale]:
    """Return the format and the fixed scale in which inputs of that range are kept; no scale where none is fixed.

    The largest magnitude, or the range's limit for the format, meets the format's largest value, to float32, in which
    files hold scales; a scale below its normal numbers is 1. Where no input was negative, a signed integer gives way
    to the unsigned one of the same width (`input_format`).
    """
    if not is_static(fmt):
        return fmt, None
    kept = input_format(fmt, seen)
    top = seen.limits.get(fmt.name, seen.absmax if kept.signed else max(seen.high, 0.0))
    scale = np.minimum(np.asarray(top, dtype=np.float64) / largest(kept), FLOAT32.max).astype(np.float32)
    positive = np.where(scale >= FLOAT32.tiny, scale, 1.0).astype(np.float64)
    return kept, positive if positive.ndim else float(positive)


def input_format(fmt: Format, seen: Range) -> Format:
    """The format in which inputs of that range are kept: unsigned where a signed integer would spend a code on a sign.

    An integer unit takes either.
    """
    return get(f"uint{fmt.bits}") if fmt.encoding == "integer" and fmt.signed and seen.nonnegative else fmt


def is_static(fmt: Format) -> bool:
    """Whether inputs in that format need a scale from calibration: not group formats, nor floats of 16 bits or more."""
    return not fmt.scale and not (fmt.is_float and fmt.bits >= 16)


def keeps(fmt: Format, dtype: "torch.dtype") -> bool:
    """Whether the format holds every value of a floating torch dtype."""
    import torch

    if not fmt.is_float or fmt.scale:
        return False
    limits = torch.finfo(dtype)
    return 2.0**-fmt.mantissa_bits <= limits.eps and largest(fmt) >= limits.max


def _array(tensor: "torch.Tensor") -> NDArray[np.float64]:
    array: NDArray[np.float64] = tensor.detach().double().cpu().numpy()
    return array


def _tensor(array: NDArray[np.float64], *, like: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.ascontiguousarray(array)).to(like)
