"""Swin transformers, as timm builds them. Moving tokens into windows and shifting them is not counted.

Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, arXiv 2103.14030, section 3.
"""

from dataclasses import dataclass, replace
from functools import partial

from costmodel.catalog import require
from costmodel.workload import Op, Workload
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._encoder import encoder_block, self_attention
from costmodel.zoo._scale import Factors

RESOLUTION = 224
PATCH = 4
WINDOW = 7


@dataclass(frozen=True)
class Shape:
    """Channels and heads of the first stage, which every later stage doubles, and blocks a stage."""

    channels: int
    heads: int
    depths: tuple[int, int, int, int]


MODELS = {
    "swin_tiny_patch4_window7_224": Shape(96, 3, (2, 2, 6, 2)),
    "swin_small_patch4_window7_224": Shape(96, 3, (2, 2, 18, 2)),
    "swin_base_patch4_window7_224": Shape(128, 4, (2, 2, 18, 2)),
}


def swin(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side; a stage smaller than the window has one window of its size.

    As in timm, pixels beyond a whole number of patches are left out, and stages are padded to whole windows.
    """
    shape = MODELS[require("swin", name, MODELS)]
    return _network(Network(name, batch=batch, resolution=resolution), shape)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with its stages scaled, heads of the same size."""
    shape = MODELS[require("swin", name, MODELS)]
    channels = factors.channels(shape.channels, shape.channels // shape.heads)
    first, second, third, fourth = (factors.blocks(depth) for depth in shape.depths)
    grown = Shape(channels, channels * shape.heads // shape.channels, (first, second, third, fourth))
    return _network(Network(name, batch=batch, resolution=factors.pixels(resolution, PATCH)), grown)


def _network(net: Network, shape: Shape) -> Workload:
    x = net.conv("patch_embed.proj", net.input, shape.channels, PATCH, stride=PATCH, padding=0, bias=True)
    x = net.norm("patch_embed.norm", x, "layer")
    for stage, depth in enumerate(shape.depths):
        x = _merge(net, f"layers.{stage}.downsample", x) if stage else x
        for i in range(depth):
            block = f"layers.{stage}.blocks.{i}"
            x = encoder_block(net, block, x, partial(_attend, net, f"{block}.attn", heads=shape.heads * 2**stage))
    net.linear("head.fc", net.average_pool("head.global_pool.pool", net.norm("norm", x, "layer")), 1000)
    return net.workload()


def _attend(net: Network, module: str, x: Tensor, *, heads: int) -> Tensor:
    """Attention in windows, after padding to a whole number of them.

    Scores that a shift masks are computed all the same. The learned bias of relative positions is stored with the
    attention and added to each score.
    """
    window = min(WINDOW, x.height)
    across = -(-x.height // window)
    padded = replace(x, height=across * window, width=across * window)

    def with_bias(op: Op) -> Op:
        scores = op.b * op.m * op.n
        return replace(op, vector_elements=(2 * window - 1) ** 2 * heads, vector_flops=op.vector_flops + scores)

    y = self_attention(net, module, padded, heads=heads, windows=across**2, adjust=with_bias)
    return replace(y, height=x.height, width=x.width)


def _merge(net: Network, module: str, x: Tensor) -> Tensor:
    """Each 2x2 neighbours become one token of twice the channels; an odd side is padded."""
    side = (x.height + 1) // 2
    merged = replace(x, channels=4 * x.channels, height=side, width=side)
    return net.linear(f"{module}.reduction", net.norm(f"{module}.norm", merged, "layer"), 2 * x.channels, bias=False)
