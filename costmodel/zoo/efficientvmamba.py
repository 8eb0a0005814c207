"""EfficientVMamba-T, S and B: atrous selective scans beside convolutions, then inverted residuals.

Pei, Huang, Xu, EfficientVMamba: Atrous Selective Scan for Light Weight Visual Mamba, arXiv 2403.09977; layers are those
of the released code (TerryPei/EfficientVMamba, classification/lib/models/mamba/efficient_mamba.py and configs/vssm),
whose inverted residual is the one of hunto/LocalMamba's classification/lib/models/operations.py.
"""

from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.workload import Workload, ops
from costmodel.zoo._atrous_scan import EXPANSION, ROUTES, STATES, STEP, scanning_block
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._scale import Factors
from costmodel.zoo._scans import counted_flops
from costmodel.zoo._squeeze_excite import Names, squeeze_excite

RESOLUTION = 224
PATCH = 4
INVERTED_EXPANSION, SQUEEZE = 4, 8
NAMES = Names("conv_reduce", expand="conv_expand")


@dataclass(frozen=True)
class Shape:
    """Channels of the first stage, which every later stage doubles, and blocks a stage; the first two stages scan."""

    channels: int
    depths: tuple[int, int, int, int]


MODELS = {
    "efficientvmamba_tiny": Shape(48, (2, 2, 4, 2)),
    "efficientvmamba_small": Shape(64, (2, 2, 4, 2)),
    "efficientvmamba_base": Shape(96, (2, 2, 9, 2)),
}
"""The published figures of S are those of 64 channels, though the released vssm_efficient_small.yaml has 96."""

AS_CONFIGURED = Shape(96, (2, 2, 4, 2))


def efficientvmamba(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side.

    ValueError unless the patch size divides the resolution.
    """
    return _build(name, MODELS[require("efficientvmamba", name, MODELS)], batch, resolution)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with its stages scaled."""
    shape = MODELS[require("efficientvmamba", name, MODELS)]
    first, second, third, fourth = (factors.blocks(depth) for depth in shape.depths)
    grown = Shape(factors.channels(shape.channels), (first, second, third, fourth))
    return _build(name, grown, batch, factors.pixels(resolution, PATCH))


def _build(name: str, shape: Shape, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    net = Network(name, batch=batch, resolution=resolution)
    if resolution % PATCH:
        raise ValueError(f"resolution must be a multiple of {name}'s patch of {PATCH} pixels, got {resolution}")
    x = net.conv("patch_embed.0", net.input, shape.channels, PATCH, stride=PATCH, padding=0, bias=True)
    x = net.norm("patch_embed.2", x, "layer")
    for stage, depth in enumerate(shape.depths):
        x = _merge(net, f"layers.{stage - 1}.downsample", x) if stage else x
        for i in range(depth):
            block = f"layers.{stage}.blocks.{i}"
            x = scanning_block(net, block, x) if stage < 2 else _inverted(net, block, x)
    net.linear("classifier.head", net.average_pool("classifier.avgpool", net.norm("classifier.norm", x, "layer")), 1000)
    return net.workload()


def _merge(net: Network, module: str, x: Tensor) -> Tensor:
    """Halve the sides, padded to even ones: four neighbours' channels side by side, then half of them."""
    quarters = replace(x, channels=4 * x.channels, height=ceil(x.height / 2), width=ceil(x.width / 2))
    gathered = ops.elementwise(f"{module}.gather", quarters.elements, flops=0)
    x4 = net.append(replace(gathered, input_elements=x.elements), quarters, x)
    return net.linear(f"{module}.reduction", net.norm(f"{module}.norm", x4, "layer"), 2 * x.channels, bias=False)


def _inverted(net: Network, block: str, x: Tensor) -> Tensor:
    inner = INVERTED_EXPANSION * x.channels
    y = net.activation(f"{block}.act1", net.norm(f"{block}.bn1", net.conv(f"{block}.conv_pw", x, inner, 1)), "relu")
    y = net.norm(f"{block}.bn2", net.conv(f"{block}.conv_dw", y, inner, 3, groups=inner))
    y = net.activation(f"{block}.act2", y, "relu")
    y = squeeze_excite(net, f"{block}.se", y, inner // SQUEEZE, function="relu", gate="sigmoid", names=NAMES)
    y = net.norm(f"{block}.bn3", net.conv(f"{block}.conv_pw2", y, x.channels, 1))
    return net.add(f"{block}.add", y, x)


_TABLE = "TerryPei/EfficientVMamba, README.md, main results"
_ROWS = (("tiny", 6.0, 0.8), ("small", 11.0, 1.3), ("base", 33.0, 4.0))
_GAP = "vssm_efficient_small.yaml has 96 channels; the published figures are those of 64"


def _millions(size: str) -> float:
    return float(sum(op.params for op in efficientvmamba(f"efficientvmamba_{size}").ops)) / 1e6


def _gigas(size: str) -> float:
    return counted_flops(efficientvmamba(f"efficientvmamba_{size}")) / 1e9


def _scan_flops(channels: int, side: int, routes: int) -> float:
    """FLOPs of a stage's scan over `side` x `side` tokens in four directions, at full density or in four routes."""
    tokens = ceil(side / routes) ** 2
    scan = ops.selective_scan("scan", 1, tokens=tokens, channels=ROUTES * EXPANSION * channels, states=STATES)
    return float(scan.vector_flops)


_CONFIGURED = "efficientvmamba_small as its configuration has it"
_ABOVE = "33.7 by the released configuration's layers, which rounds to 34"

CLAIMS = (
    *(Claim("EfficientVMamba", f"params-{size}", f"parameters of efficientvmamba_{size}, millions", _TABLE,
            "analytic", millions, partial(_millions, size),
            rtol=0.5 / millions, gap=_ABOVE if size == "base" else "", how="count") for size, millions, _ in _ROWS),
    *(Claim("EfficientVMamba", f"flops-{size}", f"GFLOPs of efficientvmamba_{size} at 224 pixels, a MAC as one",
            _TABLE, "analytic", gigas, partial(_gigas, size), rtol=0.05 / gigas, how="count")
      for size, _, gigas in _ROWS),
    Claim("EfficientVMamba", "params-small-configured", f"parameters of {_CONFIGURED}, millions", _TABLE,
          "analytic", 11.0,
          lambda: sum(op.params for op in _build("configured", AS_CONFIGURED).ops) / 1e6, gap=_GAP, how="count"),
    Claim("EfficientVMamba", "flops-small-configured", f"GFLOPs of {_CONFIGURED} at 224 pixels, a MAC as one",
          _TABLE, "analytic", 1.3,
          lambda: counted_flops(_build("configured", AS_CONFIGURED)) / 1e9, gap=_GAP, how="count"),
    Claim("EfficientVMamba", "scan-tokens", "FLOPs of a four-direction scan over an atrous one's",
          "TerryPei/EfficientVMamba, efficient_mamba.py, flops_selective_scan_fn and cross_selective_scan", "analytic",
          4.0, lambda: _scan_flops(48, 56, 1) / _scan_flops(48, 56, STEP), rtol=0.0,
          how="evaluated"),
)  # fmt: skip
