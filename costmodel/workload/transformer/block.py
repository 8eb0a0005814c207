"""One layer of a transformer as ops: sublayers with their norms and residual sums."""

from collections.abc import Callable, Sequence

from costmodel.workload.attention_shapes import Attention, DeltaNet, LatentAttention
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import Block, Norm
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import elementwise
from costmodel.workload.transformer.attention_layer import attention_layer
from costmodel.workload.transformer.cross_attention_layer import cross_attention_layer
from costmodel.workload.transformer.delta_net_layer import delta_net_layer
from costmodel.workload.transformer.feed_forward import feed_forward
from costmodel.workload.transformer.latent_attention_layer import latent_attention_layer
from costmodel.workload.transformer.mixture_of_experts import mixture_of_experts
from costmodel.workload.transformer.normalization import normalization
from costmodel.workload.transformer.span import Span

Body = Callable[[str], list[Op]]


def block(
    layer: str, shape: Block, span: Span, *, d_model: int, style: Norm, rotary: float, names: ModuleNames, source: str,
    memory: str = "", memory_positions: int = 0,
) -> list[Op]:  # fmt: skip
    """Return the ops of layer `layer`, which reads op `source`, and attends to op `memory` too where there is one."""
    attention = shape.attention

    def attend(read: str) -> list[Op]:
        if isinstance(attention, Attention):
            return attention_layer(layer, attention, span, d_model=d_model, rotary=rotary, names=names, source=read)
        return _other(layer, attention, span, d_model=d_model, source=read)

    def cross(read: str) -> list[Op]:
        assert isinstance(attention, Attention)
        return cross_attention_layer(
            layer, attention, span, positions=memory_positions, d_model=d_model, names=names, source=read, memory=memory
        )

    def transform(read: str) -> list[Op]:
        if isinstance(shape.mlp, Moe):
            return mixture_of_experts(layer, shape.mlp, span, d_model=d_model, source=read)
        return feed_forward(layer, shape.mlp, span, d_model=d_model, names=names, source=read)

    if style.placement == "parallel":
        shared = normalization(f"{layer}.{names.attention_norm}", span.tokens, d_model, style, source=source)
        return _beside(f"{layer}.residual", shared, attend, transform, source=source)
    parts = [("attn_residual", attend, names.attention_norm, names.attention_post_norm)]
    if memory_positions:
        parts.append(("cross_residual", cross, names.cross_norm, ""))
    parts.append(("mlp_residual", transform, names.mlp_norm, names.mlp_post_norm))
    return _in_turn(layer, parts, span, d_model=d_model, style=style, source=source)


def _other(layer: str, shape: LatentAttention | DeltaNet, span: Span, *, d_model: int, source: str) -> list[Op]:
    """An attention of another kind than queries, keys and values a head."""
    if isinstance(shape, LatentAttention):
        return latent_attention_layer(layer, shape, span, d_model=d_model, source=source)
    return delta_net_layer(layer, shape, span, d_model=d_model, source=source)


def _in_turn(
    layer: str, parts: Sequence[tuple[str, Body, str, str]], span: Span, *, d_model: int, style: Norm, source: str
) -> list[Op]:
    """Return sublayers one after the other: each the name of its residual sum, its body, and its norms' names."""
    ops: list[Op] = []
    for residual, body, before, after in parts:
        read = ops[-1].name if ops else source
        normed = (f"{layer}.{before}", f"{layer}.{after}")
        ops += sublayer(f"{layer}.{residual}", body, span, norms=normed, d_model=d_model, style=style, source=read)
    return ops


def _beside(residual: str, norm: Op, *bodies: Body, source: str) -> list[Op]:
    """Return sublayers that all read `norm`, and the sum of what they give and of op `source`."""
    parts = [body(norm.name) for body in bodies]
    inputs = (source, *(ops[-1].name for ops in parts))
    added = elementwise(residual, norm.output_elements, operands=len(inputs), flops=len(parts), inputs=inputs)
    return [norm, *(op for ops in parts for op in ops), added]


def sublayer(
    residual: str, body: Body, span: Span, *, norms: tuple[str, str], d_model: int, style: Norm, source: str
) -> list[Op]:
    """Return `body` and its residual sum, with its norms where `style` places them."""
    first, second = norms
    ops: list[Op] = []
    if style.placement in ("pre", "sandwich"):
        ops.append(normalization(first, span.tokens, d_model, style, source=source))
    ops += body(ops[-1].name if ops else source)
    if style.placement in ("output", "sandwich"):
        ops.append(normalization(second, span.tokens, d_model, style, source=ops[-1].name))
    ops.append(elementwise(residual, span.tokens * d_model, inputs=(source, ops[-1].name)))
    if style.placement == "post":
        ops.append(normalization(first, span.tokens, d_model, style, source=ops[-1].name))
    return ops
