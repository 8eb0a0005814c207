"""A pre-norm transformer block on image tokens, as ViT and Swin share it.

Dosovitskiy et al., An Image is Worth 16x16 Words, arXiv 2010.11929, equations 2 and 3.
"""

from collections.abc import Callable
from dataclasses import replace

from costmodel.workload import Op
from costmodel.workload.ops import attention
from costmodel.zoo._build import Network, Tensor

MLP_RATIO = 4


def encoder_block(net: Network, block: str, x: Tensor, attend: Callable[[Tensor], Tensor]) -> Tensor:
    """Append x + attend(norm(x)), then y + mlp(norm(y))."""
    x = net.add(f"{block}.attn_residual", x, attend(net.norm(f"{block}.norm1", x, "layer")))
    y = net.linear(f"{block}.mlp.fc1", net.norm(f"{block}.norm2", x, "layer"), MLP_RATIO * x.channels)
    y = net.linear(f"{block}.mlp.fc2", net.activation(f"{block}.mlp.act", y, "gelu"), x.channels)
    return net.add(f"{block}.mlp_residual", x, y)


def self_attention(
    net: Network, module: str, x: Tensor, *, heads: int, windows: int = 1, adjust: Callable[[Op], Op] = lambda op: op
) -> Tensor:
    """Append qkv, attention and proj; an image's tokens attend within `windows` equal windows.

    `adjust` edits the attention op (a learned bias on its scores, for one).
    """
    tokens = x.height * x.width // windows
    qkv = net.linear(f"{module}.qkv", x, 3 * x.channels)
    op = attention(
        f"{module}.attention", x.batch * windows, queries=tokens, keys=tokens, heads=heads, kv_heads=heads,
        head_dim=x.channels // heads,
    )  # fmt: skip
    return net.linear(f"{module}.proj", net.append(adjust(op), replace(qkv, channels=x.channels), qkv), x.channels)
