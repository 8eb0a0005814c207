"""Vision Mamba, Vim-Ti and Vim-S: selective scans of an image's tokens in both directions.

Zhu et al., Vision Mamba, arXiv 2401.09417; layers are those of hustvl/Vim's vim/models_mamba.py and
mamba-1p1p1/mamba_ssm/modules/mamba_simple.py (bimamba_type v2, a class token in the middle, mean of all tokens).
"""

from dataclasses import replace
from functools import partial
from math import ceil

from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.workload import Workload, ops
from costmodel.zoo._build import Network, Tensor
from costmodel.zoo._patches import RESOLUTION, Shape, network
from costmodel.zoo._scale import Factors
from costmodel.zoo._scans import counted_flops

STATES, EXPANSION, RANK_SHARE, KERNEL = 16, 2, 16, 4

MODELS = {
    name: Shape(channels, channels // RANK_SHARE, layers=24)
    for name, channels in (("vim_tiny", 192), ("vim_small", 384))
}
"""In place of heads, the rank of what a scan's steps are made from: one for every RANK_SHARE channels."""


def vim(name: str, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS on `resolution` pixels a side, with that many position embeddings.

    ValueError unless the patch size divides the resolution.
    """
    shape = MODELS[require("vim", name, MODELS)]
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def scaled(name: str, factors: Factors, *, batch: int = 1, resolution: int = RESOLUTION) -> Workload:
    """Build a key of MODELS with more or fewer layers, channels (multiples of 16) and patches."""
    shape = MODELS[require("vim", name, MODELS)].grown(factors)
    resolution = factors.pixels(resolution, shape.patch)
    return _built(network(name, shape, batch=batch, resolution=resolution), shape)


def _built(net: Network, shape: Shape) -> Workload:
    patches = net.conv(
        "patch_embed.proj", net.input, shape.channels, shape.patch, stride=shape.patch, padding=0, bias=True
    )
    tokens = replace(patches, height=patches.height * patches.width + 1, width=1)
    joined = ops.elementwise("cls_token", tokens.elements, operands=1, flops=0, parameters=shape.channels)
    x = net.append(replace(joined, input_elements=patches.elements), tokens, patches)
    table = ops.elementwise("pos_embed", x.elements, operands=1, parameters=x.elements // x.batch)
    x = net.append(table, x, x)
    for i in range(shape.layers):
        mixed = _mixer(net, f"layers.{i}.mixer", _rms(net, f"layers.{i}.norm", x))
        x = net.add(f"layers.{i}.residual", x, mixed)
    net.linear("head", net.average_pool("pool", _rms(net, "norm_f", x)), 1000)
    return net.workload()


def _rms(net: Network, name: str, x: Tensor) -> Tensor:
    return net.append(ops.norm(name, x.elements, x.channels, style="rms", bias=False), x, x)


def _mixer(net: Network, module: str, x: Tensor) -> Tensor:
    """Project, scan each way with weights of its own, gate the mean of both, project back."""
    inner = EXPANSION * x.channels
    both = net.linear(f"{module}.in_proj", x, 2 * inner, bias=False)
    half = replace(both, channels=inner)
    forward, backward = (_scan(net, f"{module}.{way}", half) for way in ("forward", "backward"))
    gate = ops.elementwise(f"{module}.gate", half.elements, operands=3, flops=8, product=True)
    gated = net.append(gate, half, forward, backward, half)
    return net.linear(f"{module}.out_proj", gated, x.channels, bias=False)


def _scan(net: Network, module: str, x: Tensor) -> Tensor:
    tokens, inner, rank = x.height, x.channels, ceil(x.channels / EXPANSION / RANK_SHARE)
    along = ops.conv(
        f"{module}.conv1d", x.batch, inner, inner, input_size=(1, tokens), kernel=(1, KERNEL),
        padding=(0, KERNEL - 1, 0, 0), groups=inner, bias=True,
    )  # fmt: skip
    local = net.append(along, x, x)
    local = net.activation(f"{module}.act", local, "silu")
    gates = net.linear(f"{module}.x_proj", local, rank + 2 * STATES, bias=False)
    steps = net.linear(f"{module}.dt_proj", replace(gates, channels=rank), inner)
    scan = ops.selective_scan(f"{module}.scan", x.batch, tokens=tokens, channels=inner, states=STATES)
    scan = replace(scan, input_elements=local.elements + gates.elements + steps.elements)
    return net.append(scan, local, local, gates, steps)


def _millions(name: str) -> float:
    return float(sum(op.params for op in vim(name).ops)) / 1e6


CLAIMS = (
    *(
        Claim("Vim", f"params-{name}", f"parameters of {name}, millions", "hustvl/Vim, README.md", "analytic", millions,
              partial(_millions, name), rtol=max(0.02, 0.5 / millions), how="count")
        for name, millions in (("vim_tiny", 7.0), ("vim_small", 26.0))
    ),
    Claim("EfficientVMamba", "flops-vim-tiny", "GFLOPs of the baseline Vim-Ti at 224 pixels, a MAC as one",
          "Pei, Huang, Xu, arXiv 2403.09977, abstract", "analytic", 1.5, lambda: counted_flops(vim("vim_tiny")) / 1e9,
          gap="both scans counted, as the code runs them, it is 1.82; one scan gives 1.56, none 1.29", how="count"),
)  # fmt: skip
