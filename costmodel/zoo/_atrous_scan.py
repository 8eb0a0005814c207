"""The scanning block of EfficientVMamba: ES2D, where each of four routes scans every second token of every second row.

Pei, Huang, Xu, arXiv 2403.09977; layers are those of TerryPei/EfficientVMamba, efficient_mamba.py, VSSBlock and SS2D.
"""

from dataclasses import replace
from math import ceil

from costmodel.workload import ops
from costmodel.zoo._build import Network, Tensor

STATES, EXPANSION, RANK_SHARE, GATE_SHARE = 16, 2, 16, 8
ROUTES, STEP = 4, 2


def scanning_block(net: Network, block: str, x: Tensor) -> Tensor:
    """Scan and convolution side by side, each gated by its own channel means through one shared pair of layers."""
    normed = net.norm(f"{block}.norm", x, "layer")
    scanned = _atrous_scan(net, f"{block}.op", normed)
    near = net.conv(f"{block}.conv_branch.0", normed, x.channels, 3, groups=x.channels, bias=True)
    near = net.activation(f"{block}.conv_branch.2", net.norm(f"{block}.conv_branch.1", near), "gelu")
    near = net.conv(f"{block}.conv_branch.3", near, x.channels, 1, bias=True)
    both = replace(x, batch=2 * x.batch)
    normed = net.append(ops.norm(f"{block}.se.norm", both.elements, x.channels, style="layer"), both, scanned, near)
    means = net.average_pool(f"{block}.se.mean", normed)
    share = net.linear(f"{block}.se.global_reduce", means, x.channels // GATE_SHARE)
    share = net.linear(f"{block}.se.channel_select", net.activation(f"{block}.se.act_fn", share, "gelu"), x.channels)
    share = net.activation(f"{block}.se.gate_fn", share, "sigmoid")
    gate = ops.elementwise(f"{block}.se.mul", x.elements, flops=3, product=True)
    gate = replace(gate, input_elements=both.elements + share.elements)
    return net.add(f"{block}.residual", x, net.append(gate, x, scanned, near, share))


def _atrous_scan(net: Network, module: str, x: Tensor) -> Tensor:
    """Project, convolve, scan in four routes and gate; tokens are laid out by route without a charge."""
    inner, rank = EXPANSION * x.channels, ceil(x.channels / RANK_SHARE)
    values = net.linear(f"{module}.in_proj", x, 2 * inner, bias=False)
    half = replace(values, channels=inner)
    local = net.conv(f"{module}.conv2d", half, inner, 3, groups=inner, bias=True)
    local = net.activation(f"{module}.act", local, "silu")
    gates = _by_route(net, f"{module}.x_proj", local, inner, rank + 2 * STATES, bias=False)
    steps = _by_route(net, f"{module}.dt_projs", replace(gates, channels=ROUTES * rank), rank, inner, bias=True)
    tokens = gates.height * gates.width
    scan = ops.selective_scan(f"{module}.scan", x.batch, tokens=tokens, channels=ROUTES * inner, states=STATES)
    scan = replace(scan, input_elements=local.elements + gates.elements + steps.elements)
    seen = net.norm(f"{module}.out_norm", net.append(scan, local, local, gates, steps), "layer")
    product = net.append(ops.elementwise(f"{module}.mul", seen.elements, flops=6, product=True), seen, seen, half)
    return net.linear(f"{module}.out_proj", product, x.channels, bias=False)


def _by_route(net: Network, name: str, x: Tensor, features_in: int, features: int, *, bias: bool) -> Tensor:
    """A linear layer a route on its tokens, as one batched product; `x` is the whole image or the routes' tokens."""
    step = STEP if x.channels == features_in else 1
    made = replace(x, channels=ROUTES * features, height=ceil(x.height / step), width=ceil(x.width / step))
    one = ops.linear(name, made.batch * made.height * made.width, features_in, features, bias=bias)
    op = replace(
        one, b=ROUTES, input_elements=x.elements, weight_elements=ROUTES * one.weight_elements,
        vector_elements=ROUTES * one.vector_elements, output_elements=made.elements,
    )  # fmt: skip
    return net.append(op, made, x)
