"""EfficientNet-B0 to B7, as timm builds them, on the input sizes of timm's own weights.

Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv 1905.11946, table 1.
"""

from dataclasses import dataclass, replace

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.zoo._build import Network
from costmodel.zoo._mbconv import Row, Trunk, inverted, norm_act, round_channels, separable, trunk_blocks
from costmodel.zoo._mbconv import scaled as own_rows
from costmodel.zoo._scale import Factors

_ENDS = (32, 1280)  # channels of B0's stem and head

_B0 = (
    (Row(separable, 1, 3, 1, 16, squeeze=True),),
    (Row(inverted, 2, 3, 2, 24, 6, squeeze=True),),
    (Row(inverted, 2, 5, 2, 40, 6, squeeze=True),),
    (Row(inverted, 3, 3, 2, 80, 6, squeeze=True),),
    (Row(inverted, 3, 5, 1, 112, 6, squeeze=True),),
    (Row(inverted, 4, 5, 2, 192, 6, squeeze=True),),
    (Row(inverted, 1, 3, 1, 320, 6, squeeze=True),),
)


@dataclass(frozen=True)
class Scaling:
    """Factors on B0's channels and blocks, and the input size."""

    width: float
    depth: float
    resolution: int


MODELS = {
    "efficientnet_b0": Scaling(1.0, 1.0, 224),
    "efficientnet_b1": Scaling(1.0, 1.1, 240),
    "efficientnet_b2": Scaling(1.1, 1.2, 256),
    "efficientnet_b3": Scaling(1.2, 1.4, 288),
    "efficientnet_b4": Scaling(1.4, 1.8, 320),
    "efficientnet_b5": Scaling(1.6, 2.2, 448),
    "efficientnet_b6": Scaling(1.8, 2.6, 528),
    "efficientnet_b7": Scaling(2.0, 3.1, 600),
}


def efficientnet(name: str, *, batch: int = 1, resolution: int | None = None) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side, its own where None."""
    scaling = MODELS[require("efficientnet", name, MODELS)]
    net = Network(name, batch=batch, resolution=scaling.resolution if resolution is None else resolution)
    return _network(net, _ENDS[0], _B0, _ENDS[1], scaling)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int | None = None) -> Workload:
    """Build a key of MODELS with its own stages, stem and head scaled, as pycls scales any network's."""
    own = MODELS[name]
    pixels = factors.pixels(own.resolution if resolution is None else resolution)
    stages = (own_rows(stage, width=own.width, depth=own.depth) for stage in _B0)
    rows = tuple(tuple(_scaled_row(row, factors) for row in stage) for stage in stages)
    stem, head = (factors.channels(round_channels(channels * own.width)) for channels in _ENDS)
    return _network(Network(name, batch=batch, resolution=pixels), stem, rows, head, replace(own, width=1.0, depth=1.0))


def _scaled_row(row: Row, factors: Factors) -> Row:
    return replace(row, channels=factors.channels(row.channels), repeats=factors.blocks(row.repeats))


def _network(net: Network, stem: int, stages: tuple[tuple[Row, ...], ...], head: int, scaling: Scaling) -> Workload:
    x = net.conv("conv_stem", net.input, round_channels(stem * scaling.width), 3, stride=2)
    x = norm_act(net, "bn1", x, "silu")
    x = trunk_blocks(net, x, stages, Trunk("silu", "silu", "sigmoid"), width=scaling.width, depth=scaling.depth)
    x = norm_act(net, "bn2", net.conv("conv_head", x, round_channels(head * scaling.width), 1), "silu")
    net.linear("classifier", net.average_pool("global_pool.pool", x), 1000)
    return net.workload()
