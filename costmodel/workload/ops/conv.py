"""Convolution as its implicit matrix product."""

from costmodel.workload.op import Op, Window
from costmodel.workload.ops._sizes import require_positive

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


def output_size(size: int, kernel: int, stride: int, padding: int | Pair, dilation: int = 1) -> int:
    """Output length of one dimension, padded by as much on both sides, or by a pair; ValueError where the window does
    not fit, or is none."""
    before, after = (padding, padding) if isinstance(padding, int) else padding
    if min(size, kernel, stride, dilation) < 1 or min(before, after) < 0:
        got = f"{size=}, {kernel=}, {stride=}, {dilation=}, {padding=}"
        raise ValueError(f"sizes must be positive and padding not negative, got {got}")
    out = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        raise ValueError(f"a window of {kernel=}, {dilation=} does not fit an input of {size=} with {padding=}")
    return out


def conv(
    name: str,
    batch: int,
    channels_in: int,
    channels_out: int,
    *,
    input_size: Pair,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Pair | Sides = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    bias: bool = False,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return a 2-d convolution (a 1-d one has height 1): per group m = batch x output pixels, n and k its channels.

    Pairs are (height, width); padding is that of both sides, or (top, left, bottom, right). ValueError if `groups` does
    not divide both channel counts, or a size is not positive.
    """
    require_positive(name, batch=batch, channels_in=channels_in, channels_out=channels_out)
    if groups < 1 or channels_in % groups or channels_out % groups:
        raise ValueError(f"groups must divide the channels, got {groups=}, {channels_in=}, {channels_out=}")
    sides = (*padding, *padding)[:4]
    around = (sides[::2], sides[1::2])
    height, width = (output_size(*d) for d in zip(input_size, kernel, stride, around, dilation, strict=True))
    pixels, area = batch * height * width, kernel[0] * kernel[1]
    return Op(
        name,
        "conv",
        inputs,
        b=groups,
        m=pixels,
        n=channels_out // groups,
        k=channels_in // groups * area,
        input_elements=batch * channels_in * input_size[0] * input_size[1],
        weight_elements=channels_out * (channels_in // groups) * area,
        vector_elements=channels_out if bias else 0,
        output_elements=pixels * channels_out,
        window=Window(*kernel, *stride, *input_size, *dilation, *sides),
    )
