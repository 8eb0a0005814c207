"""RegNetX and RegNetY, as timm builds them; `_tv` rounds widths as torchvision does, `_sgn` has group norms and SiLU.

Radosavovic et al., Designing Network Design Spaces, arXiv 2003.13678, section 3.3; the constants are timm's.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._mbconv import round_channels
from costmodel.zoo._scale import Factors
from costmodel.zoo._squeeze_excite import Names, squeeze_excite

RESOLUTION = 224
QUANTUM = 8  # block widths are multiples of it


@dataclass(frozen=True)
class Design:
    """Block j has initial + slope j channels, rounded to initial x multiplier^integer, in groups of `group`.

    `keeps_width` never rounds a width down by more than a tenth to fit its groups.
    """

    initial: int
    slope: float
    multiplier: float
    group: int
    depth: int
    squeeze: float = 0.0
    keeps_width: bool = False
    norm: str = "batch"
    function: str = "relu"


MODELS = {
    "regnetx_002": Design(24, 36.44, 2.49, 8, 13),
    "regnetx_004": Design(24, 24.48, 2.54, 16, 22),
    "regnetx_004_tv": Design(24, 24.48, 2.54, 16, 22, keeps_width=True),
    "regnetx_006": Design(48, 36.97, 2.24, 24, 16),
    "regnetx_008": Design(56, 35.73, 2.28, 16, 16),
    "regnetx_016": Design(80, 34.01, 2.25, 24, 18),
    "regnetx_032": Design(88, 26.31, 2.25, 48, 25),
    "regnetx_040": Design(96, 38.65, 2.43, 40, 23),
    "regnetx_064": Design(184, 60.83, 2.07, 56, 17),
    "regnetx_080": Design(80, 49.56, 2.88, 120, 23),
    "regnetx_120": Design(168, 73.36, 2.37, 112, 19),
    "regnetx_160": Design(216, 55.59, 2.1, 128, 22),
    "regnetx_320": Design(320, 69.86, 2.0, 168, 23),
    "regnety_002": Design(24, 36.44, 2.49, 8, 13, squeeze=0.25),
    "regnety_004": Design(48, 27.89, 2.09, 8, 16, squeeze=0.25),
    "regnety_006": Design(48, 32.54, 2.32, 16, 15, squeeze=0.25),
    "regnety_008": Design(56, 38.84, 2.4, 16, 14, squeeze=0.25),
    "regnety_008_tv": Design(56, 38.84, 2.4, 16, 14, squeeze=0.25, keeps_width=True),
    "regnety_016": Design(48, 20.71, 2.65, 24, 27, squeeze=0.25),
    "regnety_032": Design(80, 42.63, 2.66, 24, 21, squeeze=0.25),
    "regnety_040": Design(96, 31.41, 2.24, 64, 22, squeeze=0.25),
    "regnety_040_sgn": Design(96, 31.41, 2.24, 64, 22, squeeze=0.25, norm="group", function="silu"),
    "regnety_064": Design(112, 33.22, 2.27, 72, 25, squeeze=0.25),
    "regnety_080": Design(192, 76.82, 2.19, 56, 17, squeeze=0.25),
    "regnety_080_tv": Design(192, 76.82, 2.19, 56, 17, squeeze=0.25, keeps_width=True),
    "regnety_120": Design(168, 73.36, 2.37, 112, 19, squeeze=0.25),
    "regnety_160": Design(200, 106.23, 2.48, 112, 18, squeeze=0.25),
    "regnety_320": Design(232, 115.89, 2.53, 232, 20, squeeze=0.25),
}


def stages(design: Design) -> list[tuple[int, int, int]]:
    """Width, depth and channels a group of each stage: the quantized linear rule, widths multiples of the group."""
    linear = design.initial + design.slope * np.arange(design.depth)
    powers = np.round(np.log(linear / design.initial) / np.log(design.multiplier))
    widths = np.round(design.initial * design.multiplier**powers / QUANTUM) * QUANTUM
    found = []
    for width, depth in zip(*np.unique(widths.astype(int), return_counts=True), strict=True):
        group = min(design.group, int(width))
        rounded = round_channels(width, divisor=group) if design.keeps_width else round(width / group) * group
        found.append((rounded, int(depth), group))
    return found


def regnet(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side."""
    design = MODELS[require("regnet", name, MODELS)]
    return _network(Network(name, batch=batch, resolution=resolution), design, stages(design))


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with its stages scaled; the stem keeps its channels, widths are multiples of the group."""
    design = MODELS[require("regnet", name, MODELS)]
    net = Network(name, batch=batch, resolution=factors.pixels(resolution))
    return _network(net, design, [_scaled_stage(stage, factors) for stage in stages(design)])


def _scaled_stage(stage: tuple[int, int, int], factors: Factors) -> tuple[int, int, int]:
    width, depth, group = stage
    wide = factors.channels(width)
    group = min(factors.channels_a_group(group), wide)
    return max(group, round(wide / group) * group), factors.blocks(depth), group


def _network(net: Network, design: Design, shapes: list[tuple[int, int, int]]) -> Workload:
    x = _conv_norm_act(net, "stem", net.input, 32, 3, design, stride=2)
    for stage, (width, depth, group) in enumerate(shapes, start=1):
        for i in range(depth):
            x = _block(net, f"s{stage}.b{i + 1}", x, width, group, design, stride=1 if i else 2)
    net.linear("head.fc", net.average_pool("head.global_pool.pool", x), 1000)
    return net.workload()


def _block(net: Network, block: str, x: Tensor, width: int, group: int, design: Design, *, stride: int) -> Tensor:
    y = _conv_norm_act(net, f"{block}.conv1", x, width, 1, design)
    y = _conv_norm_act(net, f"{block}.conv2", y, width, 3, design, stride=stride, groups=width // group)
    if design.squeeze:
        hidden = round(x.channels * design.squeeze)
        y = squeeze_excite(net, f"{block}.se", y, hidden, function=design.function, gate="sigmoid", names=Names())
    y = _conv_norm(net, f"{block}.conv3", y, width, 1, design)
    if stride != 1 or x.channels != width:
        x = _conv_norm(net, f"{block}.downsample", x, width, 1, design, stride=stride)
    return net.activation(f"{block}.act3", net.add(f"{block}.add", y, x), design.function)


def _conv_norm(
    net: Network, module: str, x: Tensor, width: int, kernel: int, design: Design, *, stride: int = 1, groups: int = 1
) -> Tensor:
    y = net.conv(f"{module}.conv", x, width, kernel, stride=stride, groups=groups)
    return net.norm(f"{module}.bn", y, design.norm)


def _conv_norm_act(
    net: Network, module: str, x: Tensor, width: int, kernel: int, design: Design, *, stride: int = 1, groups: int = 1
) -> Tensor:
    y = _conv_norm(net, module, x, width, kernel, design, stride=stride, groups=groups)
    return net.activation(f"{module}.bn.act", y, design.function)
