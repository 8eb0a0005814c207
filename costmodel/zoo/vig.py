"""ViG-T, S and B: gated linear attention that scans an image's tokens in both directions, without a class token.

Liao et al., ViG: Linear-complexity Visual Sequence Learning with Gated Linear Attention, arXiv 2405.18425; layers are
those of the released code (hustvl/ViG, classification/models/vig.py, with config.py and configs/vig).
"""

from dataclasses import replace
from functools import partial

from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.workload import Workload, ops
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._patches import RESOLUTION, Shape, network
from costmodel.zoo._scale import Factors
from costmodel.zoo.vit import vit

GATE_RANK = 16
WIDTH_QUANTUM = 256  # the MLP's width is a multiple of it, the next from 8/3 of the channels on


MODELS = {"vig_tiny": Shape(192, 3), "vig_small": Shape(384, 6), "vig_base": Shape(768, 12)}


def vig(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side, with that many position embeddings.

    ValueError unless the patch size divides the resolution.
    """
    shape = MODELS[require("vig", name, MODELS)]
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with more or fewer layers, heads of the same size, and patches."""
    shape = MODELS[require("vig", name, MODELS)].grown(factors)
    resolution = factors.pixels(resolution, shape.patch)
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def _built(net: Network, shape: Shape) -> Workload:
    x = _embed(net, shape.channels)
    for i in range(shape.layers):
        block = f"blocks.{i}"
        mixed = _attend(net, f"{block}.attn", _rms(net, f"{block}.attn_norm", x), shape.heads)
        x = net.add(f"{block}.attn_residual", x, mixed)
        x = net.add(f"{block}.mlp_residual", x, _mlp(net, f"{block}.mlp", _rms(net, f"{block}.mlp_norm", x)))
    net.linear("head", net.average_pool("gap", _rms(net, "norm", x)), 1000)
    return net.workload()


def _embed(net: Network, channels: int) -> Tensor:
    """Two overlapping convolutions, each with a norm over channels, and the sum with the position embeddings."""
    x = net.conv("patch_embed.proj.0", net.input, channels // 2, 9, stride=8, padding=1, bias=True)
    x = net.activation("patch_embed.proj.2", net.norm("patch_embed.proj.1", x, "layer"), "silu")
    x = net.norm("patch_embed.proj.4", net.conv("patch_embed.proj.3", x, channels, 3, stride=2, bias=True), "layer")
    table = ops.elementwise("pos_embed", x.elements, operands=1, parameters=x.elements // x.batch)
    return net.append(table, x, x)


def _attend(net: Network, module: str, x: Tensor, heads: int) -> Tensor:
    """A depthwise convolution, a scan each way with gates of its own, and the mix of the two by a gate a channel."""
    channels, keys = x.channels, x.channels // 2
    local = net.conv(f"{module}.in_proj.0", x, channels, 3, groups=channels)
    local = net.activation(f"{module}.in_proj.1", local, "silu")
    qkv = net.linear(f"{module}.qkv_proj", local, 2 * keys + channels, bias=False)
    gates = net.linear(f"{module}.gk_proj.0", local, GATE_RANK, bias=False)
    gates = net.activation(f"{module}.gk", net.linear(f"{module}.gk_proj.1", gates, 2 * keys), "softplus")
    scan = ops.linear_attention(
        f"{module}.scan", x.batch, tokens=x.height * x.width, heads=heads, key_dim=keys // heads,
        value_dim=channels // heads, directions=2,
    )  # fmt: skip
    seen = net.append(replace(scan, input_elements=qkv.elements + gates.elements), x, qkv, gates)
    seen = _rms(net, f"{module}.g_norm", seen, channels // heads)
    near = _rms(net, f"{module}.l_norm", local, channels // heads)
    share = net.activation(f"{module}.g", net.linear(f"{module}.g_proj", local, channels), "sigmoid")
    mix = ops.elementwise(f"{module}.mix", x.elements, operands=3, flops=4, product=True)
    mixed = net.activation(f"{module}.out_act", net.append(mix, x, seen, near, share), "silu")
    return net.linear(f"{module}.o_proj", mixed, channels, bias=False)


def _mlp(net: Network, module: str, x: Tensor) -> Tensor:
    width = -(-(x.channels * 4 * 2 // 3) // WIDTH_QUANTUM) * WIDTH_QUANTUM
    both = net.linear(f"{module}.gate_proj", x, 2 * width, bias=False)
    gated = ops.elementwise(f"{module}.swiglu", both.elements / 2, flops=6, product=True)
    hidden = net.append(gated, replace(both, channels=width), both)
    return net.linear(f"{module}.down_proj", hidden, x.channels, bias=False)


def _rms(net: Network, name: str, x: Tensor, features: int = 0) -> Tensor:
    return net.append(ops.norm(name, x.elements, features or x.channels, style="rms", bias=False), x, x)


def _sum(name: str, what: str, resolution: int = RESOLUTION, *, scale: float = 1.0) -> float:
    build = vig if name in MODELS else vit
    return float(sum(getattr(op, what) for op in build(name, resolution=resolution).ops)) / scale


_PAPER, _CODE = "Liao et al., arXiv 2405.18425, abstract", "hustvl/ViG, README.md"
_COUNTED = "DeiT in timm 1.0.31 counted by fvcore, products and convolutions alone"
_GAP = "the released code's layers give more, scan left out or not; the repository's own count is switched off"
_WHOLE = "23M over the 86M usually printed for DeiT-B is 0.27; the counts themselves, 22.6M over 86.6M, give less"
_SIZES = (("vig_tiny", 6.0), ("vig_small", 23.0), ("vig_base", 89.0))
_T, _S, _B = (f"deit_{size}_patch16_224" for size in ("tiny", "small", "base"))

CLAIMS = (
    *(Claim("ViG", f"params-{name}", f"parameters of {name}, millions", _CODE, "analytic", millions,
            partial(_sum, name, "params", scale=1e6), rtol=0.5 / millions, how="count") for name, millions in _SIZES),
    *(Claim("ViG", f"{name}-params", f"parameters of the baseline {name}, millions", _COUNTED, "analytic", millions,
            partial(_sum, name, "params", scale=1e6), rtol=0.0, how="run")
      for name, millions in ((_T, 5.717416), (_S, 22.050664), (_B, 86.567656))),
    *(Claim("ViG", f"{name}-macs-{pixels}", f"GMACs of the baseline {name} at {pixels} pixels", _COUNTED,
            "analytic", gmacs, partial(_sum, name, "macs", pixels, scale=1e9), rtol=5e-4, how="run")
      for name, pixels, gmacs in (
          (_T, 224, 1.254), (_S, 224, 4.599), (_B, 224, 17.564), (_T, 1024, 99.7), (_S, 1024, 242.9))),
    Claim("ViG", "params-small-over-deit-base", "ViG-S's parameters over DeiT-B's", _PAPER, "analytic", 0.27,
          lambda: _sum("vig_small", "params") / _sum(_B, "params"), gap=_WHOLE, how="count"),
    Claim("ViG", "flops-small-over-deit-base", "ViG-S's FLOPs over DeiT-B's at 224 pixels", _PAPER, "analytic", 0.20,
          lambda: _sum("vig_small", "macs") / _sum(_B, "macs"), gap=_GAP, how="count"),
    Claim("ViG", "flops-deit-tiny-over-tiny", "DeiT-T's FLOPs over ViG-T's at 1024 pixels", _PAPER, "analytic", 5.2,
          lambda: _sum(_T, "macs", 1024) / _sum("vig_tiny", "macs", 1024), gap=_GAP, how="count"),
    Claim("ViG", "memory-1024", "GPU memory that ViG-T saves against DeiT-T at 1024 pixels", _PAPER, "hardware", 0.90),
    Claim("ViG", "speed-1024", "ViG-T's speed over DeiT-T's at 1024 pixels", _PAPER, "hardware", 4.8),
    Claim("ViG", "speed-224", "ViG-S's speed over DeiT-B's at 224 pixels", _PAPER, "hardware", 2.0),
)  # fmt: skip
