"""The mobile trunk that MobileNet and EfficientNet share: rows of blocks around a depthwise convolution.

Sandler et al., MobileNetV2, arXiv 1801.04381, section 3; rounding rules as timm applies them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._squeeze_excite import Names, squeeze_excite

SQUEEZE_NAMES = Names("conv_reduce", "act1", "conv_expand", "gate")


def round_channels(channels: float, *, divisor: int = 8, at_least: float = 0.9) -> int:
    """The nearest multiple of `divisor` that is not below `at_least` of `channels`."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < at_least * channels else nearest


@dataclass(frozen=True)
class Trunk:
    """What all blocks of a network share; `hidden` gives a gate's channels from the block's and its expansion."""

    function: str
    squeeze_function: str = "relu"
    gate: str = "sigmoid"
    hidden: Callable[[int, float], int] = lambda channels, expansion: round(channels * (0.25 / expansion))


@dataclass(frozen=True)
class Row:
    """`repeats` equal blocks, the first one with the `stride`; an empty `function` is the trunk's."""

    block: Callable[[Network, str, Tensor, "Row", int, Trunk], Tensor]
    repeats: int
    kernel: int
    stride: int
    channels: int
    expansion: float = 1.0
    squeeze: bool = False
    function: str = ""


def plain(net: Network, block: str, x: Tensor, row: Row, stride: int, trunk: Trunk) -> Tensor:
    """Convolution, norm, activation."""
    y = net.conv(f"{block}.conv", x, row.channels, row.kernel, stride=stride)
    return norm_act(net, f"{block}.bn1", y, row.function or trunk.function)


def separable(net: Network, block: str, x: Tensor, row: Row, stride: int, trunk: Trunk) -> Tensor:
    """Depthwise convolution, gate, 1x1 convolution, and the sum with the input where shapes allow it."""
    y = _depthwise(net, block, "bn1", x, row, stride, trunk)
    y = net.norm(f"{block}.bn2", net.conv(f"{block}.conv_pw", y, row.channels, 1))
    return _sum(net, block, x, y)


def inverted(net: Network, block: str, x: Tensor, row: Row, stride: int, trunk: Trunk) -> Tensor:
    """Expanding 1x1 convolution, depthwise convolution, gate, 1x1 convolution, and the sum where shapes allow it."""
    y = net.conv(f"{block}.conv_pw", x, round_channels(x.channels * row.expansion), 1)
    y = norm_act(net, f"{block}.bn1", y, row.function or trunk.function)
    y = _depthwise(net, block, "bn2", y, row, stride, trunk)
    y = net.norm(f"{block}.bn3", net.conv(f"{block}.conv_pwl", y, row.channels, 1))
    return _sum(net, block, x, y)


def scaled(stage: tuple[Row, ...], *, width: float, depth: float) -> list[Row]:
    """The rows with scaled channels and repeats: the stage's total is rounded up, then dealt from its last row on."""
    left = sum(row.repeats for row in stage)
    left_scaled = ceil(left * depth)
    rows = []
    for row in reversed(stage):
        repeats = max(1, round(row.repeats / left * left_scaled))
        rows.append(replace(row, channels=round_channels(row.channels * width), repeats=repeats))
        left, left_scaled = left - row.repeats, left_scaled - repeats
    return rows[::-1]


def trunk_blocks(
    net: Network, x: Tensor, stages: tuple[tuple[Row, ...], ...], trunk: Trunk, *, width: float, depth: float,
    fixed_ends: bool = False,
) -> Tensor:  # fmt: skip
    """Append every block as blocks.STAGE.INDEX; with `fixed_ends` the first and last stage keep their depth."""
    for i, stage in enumerate(stages):
        kept = fixed_ends and i in (0, len(stages) - 1)
        blocks = [row for row in scaled(stage, width=width, depth=1.0 if kept else depth) for _ in range(row.repeats)]
        for j, row in enumerate(blocks):
            x = row.block(net, f"blocks.{i}.{j}", x, row, row.stride if j == 0 else 1, trunk)
    return x


def norm_act(net: Network, norm: str, x: Tensor, function: str) -> Tensor:
    """Batch norm and the activation inside its module."""
    return net.activation(f"{norm}.act", net.norm(norm, x), function)


def _depthwise(net: Network, block: str, norm: str, x: Tensor, row: Row, stride: int, trunk: Trunk) -> Tensor:
    y = net.conv(f"{block}.conv_dw", x, x.channels, row.kernel, stride=stride, groups=x.channels)
    y = norm_act(net, f"{block}.{norm}", y, row.function or trunk.function)
    if not row.squeeze:
        return y
    hidden = trunk.hidden(y.channels, row.expansion)
    return squeeze_excite(
        net, f"{block}.se", y, hidden, function=trunk.squeeze_function, gate=trunk.gate, names=SQUEEZE_NAMES
    )


def _sum(net: Network, block: str, x: Tensor, y: Tensor) -> Tensor:
    same = (x.channels, x.size) == (y.channels, y.size)
    return net.add(f"{block}.add", y, x) if same else y
