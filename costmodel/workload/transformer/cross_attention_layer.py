"""Cross-attention of a decoder to its encoder's output as ops."""

from dataclasses import replace

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import attention, linear
from costmodel.workload.transformer.attention_layer import projections, unique
from costmodel.workload.transformer.span import Span


def cross_attention_layer(
    layer: str,
    shape: Attention,
    span: Span,
    *,
    positions: int,
    d_model: int,
    names: ModuleNames,
    source: str,
    memory: str,
) -> list[Op]:
    """Return attention to the `positions` outputs a sequence of op `memory`.

    A decode finds their keys and values cached, so it has no ops for those projections.
    """
    own = {part: f"{names.cross}.{getattr(names, part).rpartition('.')[2]}" for part in ("q", "k", "v", "out")}
    cross = replace(names, **own)
    query = projections(layer, shape, span.tokens, d_model=d_model, names=cross, source=source)[0]
    keys = projections(layer, shape, span.batch * positions, d_model=d_model, names=cross, source=memory)[1:]
    read = [query] if span.decodes else [query, *keys]
    scores = attention(
        f"{layer}.{names.cross}.attention",
        span.batch,
        queries=span.queries,
        keys=positions,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        cached=span.caches,
        inputs=unique(*(op.name for op in read)),
    )
    width = shape.heads * shape.head_dim
    out = linear(f"{layer}.{cross.out}", span.tokens, width, d_model, bias="o" in shape.bias, inputs=(scores.name,))
    return [*read, scores, out]
