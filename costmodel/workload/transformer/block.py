"""One layer of a transformer as ops: sublayers with their norms and residual sums."""

from collections.abc import Callable

from costmodel.workload.language_model import Block, LatentAttention, Mlp, Norm
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import elementwise, norm
from costmodel.workload.transformer.feed_forward import feed_forward
from costmodel.workload.transformer.self_attention import self_attention
from costmodel.workload.transformer.span import Span


def block(
    layer: str, shape: Block, span: Span, *, d_model: int, style: Norm, rotary: bool, names: ModuleNames, source: str
) -> list[Op]:
    """Return the ops of layer `layer`, whose input is the output of op `source`."""

    def attend(read: str) -> list[Op]:
        if isinstance(shape.attention, LatentAttention):
            raise NotImplementedError
        return self_attention(
            layer, shape.attention, span, d_model=d_model, rotary=rotary, names=names, source=read
        )

    def transform(read: str) -> list[Op]:
        if isinstance(shape.mlp, Mlp):
            return feed_forward(layer, shape.mlp, span, d_model=d_model, names=names, source=read)
        raise NotImplementedError

    elements = span.tokens * d_model
    ops = sublayer(layer, "attn_residual", names.attention_norm, attend, elements, d_model=d_model, style=style, source=source)
    return ops + sublayer(
        layer, "mlp_residual", names.mlp_norm, transform, elements, d_model=d_model, style=style, source=ops[-1].name
    )


def sublayer(
    layer: str, residual: str, norm_name: str, body: Callable[[str], list[Op]], elements: float, *, d_model: int, style: Norm,
    source: str,
) -> list[Op]:  # fmt: skip
    """Return `body` with its norm before it or after its residual sum."""

    def normed(read: str) -> Op:
        return norm(
            f"{layer}.{norm_name}", elements, d_model, style=style.style, bias=style.style == "layer", inputs=(read,)
        )

    ops = [normed(source)] if style.placement == "pre" else []
    ops += body(ops[-1].name if ops else source)
    ops.append(elementwise(f"{layer}.{residual}", elements, inputs=(source, ops[-1].name)))
    return ops if style.placement == "pre" else [*ops, normed(ops[-1].name)]
