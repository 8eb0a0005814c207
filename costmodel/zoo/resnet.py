"""ResNet, as timm builds it: the stride of a bottleneck is in its 3x3 convolution.

He et al., Deep Residual Learning for Image Recognition, arXiv 1512.03385, table 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._scale import Factors

RESOLUTION = 224
WIDTHS = (64, 128, 256, 512)


def _basic(net: Network, block: str, x: Tensor, width: int, stride: int) -> Tensor:
    y = net.conv(f"{block}.conv1", x, width, 3, stride=stride)
    y = net.activation(f"{block}.act1", net.norm(f"{block}.bn1", y), "relu")
    y = net.norm(f"{block}.bn2", net.conv(f"{block}.conv2", y, width, 3))
    return _residual(net, block, x, y, stride, "act2")


def _bottleneck(net: Network, block: str, x: Tensor, width: int, stride: int) -> Tensor:
    y = net.activation(f"{block}.act1", net.norm(f"{block}.bn1", net.conv(f"{block}.conv1", x, width, 1)), "relu")
    y = net.conv(f"{block}.conv2", y, width, 3, stride=stride)
    y = net.activation(f"{block}.act2", net.norm(f"{block}.bn2", y), "relu")
    y = net.norm(f"{block}.bn3", net.conv(f"{block}.conv3", y, 4 * width, 1))
    return _residual(net, block, x, y, stride, "act3")


def _residual(net: Network, block: str, x: Tensor, y: Tensor, stride: int, act: str) -> Tensor:
    if stride != 1 or x.channels != y.channels:
        x = net.norm(f"{block}.downsample.1", net.conv(f"{block}.downsample.0", x, y.channels, 1, stride=stride))
    return net.activation(f"{block}.{act}", net.add(f"{block}.add", y, x), "relu")


@dataclass(frozen=True)
class Depths:
    """The kind of block, and how many a stage has."""

    block: Callable[[Network, str, Tensor, int, int], Tensor]
    blocks: tuple[int, int, int, int]


MODELS = {
    "resnet18": Depths(_basic, (2, 2, 2, 2)),
    "resnet34": Depths(_basic, (3, 4, 6, 3)),
    "resnet50": Depths(_bottleneck, (3, 4, 6, 3)),
    "resnet101": Depths(_bottleneck, (3, 4, 23, 3)),
    "resnet152": Depths(_bottleneck, (3, 8, 36, 3)),
}


def resnet(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side."""
    depths = MODELS[require("resnet", name, MODELS)]
    return _network(Network(name, batch=batch, resolution=resolution), depths, WIDTHS)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with its stages scaled; the stem keeps its channels."""
    depths = MODELS[require("resnet", name, MODELS)]
    first, second, third, fourth = (factors.blocks(count) for count in depths.blocks)
    net = Network(name, batch=batch, resolution=factors.pixels(resolution))
    widths = tuple(factors.channels(width) for width in WIDTHS)
    return _network(net, replace(depths, blocks=(first, second, third, fourth)), widths)


def _network(net: Network, depths: Depths, widths: tuple[int, ...]) -> Workload:
    x = net.conv("conv1", net.input, 64, 7, stride=2)
    x = net.activation("act1", net.norm("bn1", x), "relu")
    x = net.max_pool("maxpool", x, 3, stride=2, padding=1)
    for stage, count in enumerate(depths.blocks, start=1):
        for i in range(count):
            stride = 2 if stage > 1 and i == 0 else 1
            x = depths.block(net, f"layer{stage}.{i}", x, widths[stage - 1], stride)
    net.linear("fc", net.average_pool("global_pool.pool", x), 1000)
    return net.workload()
