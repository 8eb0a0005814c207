"""MobileNetV2 and V3, as timm builds them; the number in a name is the width in percent, `d` scales depth too.

Sandler et al., MobileNetV2, arXiv 1801.04381, table 2; Howard et al., Searching for MobileNetV3, arXiv 1905.02244,
tables 1 and 2.
"""

from dataclasses import dataclass, replace

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.zoo._build import Network
from costmodel.zoo._mbconv import Row, Trunk, inverted, norm_act, plain, round_channels, separable, trunk_blocks
from costmodel.zoo._scale import Factors

_V2 = (
    (Row(separable, 1, 3, 1, 16),),
    (Row(inverted, 2, 3, 2, 24, 6),),
    (Row(inverted, 3, 3, 2, 32, 6),),
    (Row(inverted, 4, 3, 2, 64, 6),),
    (Row(inverted, 3, 3, 1, 96, 6),),
    (Row(inverted, 3, 3, 2, 160, 6),),
    (Row(inverted, 1, 3, 1, 320, 6),),
)
_V3_LARGE = (
    (Row(separable, 1, 3, 1, 16, function="relu"),),
    (Row(inverted, 1, 3, 2, 24, 4, function="relu"), Row(inverted, 1, 3, 1, 24, 3, function="relu")),
    (Row(inverted, 3, 5, 2, 40, 3, squeeze=True, function="relu"),),
    (Row(inverted, 1, 3, 2, 80, 6), Row(inverted, 1, 3, 1, 80, 2.5), Row(inverted, 2, 3, 1, 80, 2.3)),
    (Row(inverted, 2, 3, 1, 112, 6, squeeze=True),),
    (Row(inverted, 3, 5, 2, 160, 6, squeeze=True),),
    (Row(plain, 1, 1, 1, 960),),
)
_V3_SMALL = (
    (Row(separable, 1, 3, 2, 16, squeeze=True, function="relu"),),
    (Row(inverted, 1, 3, 2, 24, 4.5, function="relu"), Row(inverted, 1, 3, 1, 24, 3.67, function="relu")),
    (Row(inverted, 1, 5, 2, 40, 4, squeeze=True), Row(inverted, 2, 5, 1, 40, 6, squeeze=True)),
    (Row(inverted, 2, 5, 1, 48, 3, squeeze=True),),
    (Row(inverted, 3, 5, 2, 96, 6, squeeze=True),),
    (Row(plain, 1, 1, 1, 576),),
)
_V3_TRUNK = Trunk("hardswish", "relu", "hardsigmoid", hidden=lambda channels, _: round_channels(channels * 0.25))


@dataclass(frozen=True)
class Scaling:
    """Stages and the factors on their channels and blocks; `fixed_ends` scales neither stem nor head."""

    stages: tuple[tuple[Row, ...], ...]
    width: float = 1.0
    depth: float = 1.0
    fixed_ends: bool = False
    resolution: int = 224


MODELS = {
    "mobilenetv2_035": Scaling(_V2, 0.35),
    "mobilenetv2_050": Scaling(_V2, 0.5),
    "mobilenetv2_075": Scaling(_V2, 0.75),
    "mobilenetv2_100": Scaling(_V2),
    "mobilenetv2_110d": Scaling(_V2, 1.1, 1.2, fixed_ends=True),
    "mobilenetv2_120d": Scaling(_V2, 1.2, 1.4, fixed_ends=True),
    "mobilenetv2_140": Scaling(_V2, 1.4),
    "mobilenetv3_large_075": Scaling(_V3_LARGE, 0.75),
    "mobilenetv3_large_100": Scaling(_V3_LARGE),
    "mobilenetv3_large_150d": Scaling(_V3_LARGE, 1.5, 1.2, resolution=256),
    "mobilenetv3_small_050": Scaling(_V3_SMALL, 0.5),
    "mobilenetv3_small_075": Scaling(_V3_SMALL, 0.75),
    "mobilenetv3_small_100": Scaling(_V3_SMALL),
}


def mobilenet(name: str, *, batch: int = 1, resolution: int | None = None) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side, its own where None."""
    scaling = MODELS[require("mobilenet", name, MODELS)]
    net = Network(name, batch=batch, resolution=scaling.resolution if resolution is None else resolution)
    return _v2(net, scaling) if scaling.stages is _V2 else _v3(net, scaling)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int | None = None) -> Workload:
    """Build a key of MODELS with its own factors times these, on their rounding; heads widen with V2's rule alone."""
    own = MODELS[require("mobilenet", name, MODELS)]
    grown = replace(own, width=own.width * factors.width, depth=own.depth * factors.depth)
    pixels = factors.pixels(own.resolution if resolution is None else resolution)
    net = Network(name, batch=batch, resolution=pixels)
    return _v2(net, grown) if own.stages is _V2 else _v3(net, grown)


def _v2(net: Network, scaling: Scaling) -> Workload:
    stem = 32 if scaling.fixed_ends else round_channels(32 * scaling.width)
    head = 1280 if scaling.fixed_ends else max(1280, round_channels(1280 * scaling.width))
    x = norm_act(net, "bn1", net.conv("conv_stem", net.input, stem, 3, stride=2), "relu6")
    x = trunk_blocks(
        net, x, scaling.stages, Trunk("relu6"), width=scaling.width, depth=scaling.depth, fixed_ends=scaling.fixed_ends
    )
    x = norm_act(net, "bn2", net.conv("conv_head", x, head, 1), "relu6")
    net.linear("classifier", net.average_pool("global_pool.pool", x), 1000)
    return net.workload()


def _v3(net: Network, scaling: Scaling) -> Workload:
    stem = 16 if scaling.width < 0.75 else round_channels(16 * scaling.width)
    x = norm_act(net, "bn1", net.conv("conv_stem", net.input, stem, 3, stride=2), "hardswish")
    x = trunk_blocks(net, x, scaling.stages, _V3_TRUNK, width=scaling.width, depth=scaling.depth)
    x = net.average_pool("global_pool.pool", x)
    x = net.conv("conv_head", x, 1280 if scaling.stages is _V3_LARGE else 1024, 1, bias=True)
    net.linear("classifier", net.activation("act2", x, "hardswish"), 1000)
    return net.workload()
