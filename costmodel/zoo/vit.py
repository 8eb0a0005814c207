"""Vision transformers with a class token, as timm builds them: ViT, and DeiT without a distillation token.

Dosovitskiy et al., arXiv 2010.11929, table 1; Touvron et al., Training data-efficient image transformers,
arXiv 2012.12877, table 1.
"""

from dataclasses import replace
from functools import partial

from costmodel.catalog import require
from costmodel.workload import Workload
from costmodel.workload.ops import elementwise
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._encoder import encoder_block, self_attention
from costmodel.zoo._patches import RESOLUTION, Shape, network
from costmodel.zoo._scale import Factors

_TINY, _SMALL, _BASE = Shape(192, 3), Shape(384, 6), Shape(768, 12)

MODELS = {
    "vit_tiny_patch16_224": _TINY,
    "vit_small_patch16_224": _SMALL,
    "vit_base_patch16_224": _BASE,
    "vit_base_patch32_224": Shape(768, 12, patch=32),
    "vit_large_patch16_224": Shape(1024, 16, layers=24),
    "deit_tiny_patch16_224": _TINY,
    "deit_small_patch16_224": _SMALL,
    "deit_base_patch16_224": _BASE,
}


def vit(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side, with that many position embeddings.

    ValueError unless the patch size divides the resolution.
    """
    shape = MODELS[require("vit", name, MODELS)]
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with more or fewer layers, heads of the same size, and patches."""
    shape = MODELS[require("vit", name, MODELS)].grown(factors)
    resolution = factors.pixels(resolution, shape.patch)
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def _built(net: Network, shape: Shape) -> Workload:
    x = _embed(net, shape)
    for i in range(shape.layers):
        attend = partial(self_attention, net, f"blocks.{i}.attn", heads=shape.heads)
        x = encoder_block(net, f"blocks.{i}", x, attend)
    net.linear("head", replace(net.norm("norm", x, "layer"), height=1), 1000)
    return net.workload()


def _embed(net: Network, shape: Shape) -> Tensor:
    patch = shape.patch
    patches = net.conv("patch_embed.proj", net.input, shape.channels, patch, stride=patch, padding=0, bias=True)
    tokens = replace(patches, height=patches.height * patches.width + 1, width=1)
    joined = elementwise("cls_token", tokens.elements, operands=1, flops=0, parameters=shape.channels)
    x = net.append(joined, tokens, patches)
    positions = elementwise("pos_embed", tokens.elements, operands=1, parameters=tokens.elements // tokens.batch)
    return net.append(positions, tokens, x)
