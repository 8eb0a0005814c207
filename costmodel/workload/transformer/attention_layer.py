"""Self-attention with keys and values a head (MHA, GQA, MQA) as ops."""

from dataclasses import replace

from costmodel.workload.language_model import Attention
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import attention, linear, norm
from costmodel.workload.transformer.rotary import rotary_embedding
from costmodel.workload.transformer.span import Span


def attention_layer(
    layer: str, shape: Attention, span: Span, *, d_model: int, rotary: float, names: ModuleNames, source: str
) -> list[Op]:
    """Return projections, head norms, rotary embedding, attention and output projection of one layer."""
    width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    module = f"{layer}.{names.attention}"
    ops = projections(layer, shape, span.tokens, d_model=d_model, names=names, source=source)
    q, k, v = (ops[0].name,) * 3 if shape.fused else (op.name for op in ops)
    if shape.qk_norm:
        for name, read, features in ((names.q_norm, q, width), (names.k_norm, k, kv_width)):
            normed = features if shape.qk_norm_whole else shape.head_dim
            style, shifts = shape.qk_norm, shape.qk_norm == "layer" and not shape.qk_norm_whole
            affine = shape.qk_norm_affine
            size = (span.tokens * features, normed)
            ops.append(norm(f"{module}.{name}", *size, style=style, affine=affine, bias=shifts, inputs=(read,)))
        q, k = ops[-2].name, ops[-1].name
    if rotary and shape.turned:
        turned = span.tokens * (width + kv_width) * rotary
        ops.append(rotary_embedding(f"{module}.rotary", turned, inputs=unique(q, k)))
        q = k = ops[-1].name
    scores = attention(
        f"{module}.attention",
        span.batch,
        queries=span.queries,
        keys=span.keys,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        causal=span.causal,
        window=shape.window,
        cached=span.causal and span.caches,
        alibi=shape.alibi,
        inputs=unique(q, k, v),
    )
    if shape.sinks:
        scores = replace(scores, vector_elements=shape.heads)
    if names.distances:
        elements = scores.input_elements + span.queries * span.keys * shape.heads
        scores = replace(scores, input_elements=elements, inputs=(*scores.inputs, names.distances))
    out = linear(f"{layer}.{names.out}", span.tokens, width, d_model, bias="o" in shape.bias, inputs=(scores.name,))
    return [*ops, scores, out]


def projections(
    layer: str, shape: Attention, tokens: int, *, d_model: int, names: ModuleNames, source: str
) -> list[Op]:
    """Return the projections to queries, keys and values, in that order, or the one that makes all three."""
    width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if shape.fused:
        bias = "q" in shape.bias
        return [linear(f"{layer}.{names.qkv}", tokens, d_model, width + 2 * kv_width, bias=bias, inputs=(source,))]
    parts = (("q", names.q, width), ("k", names.k, kv_width), ("v", names.v, kv_width))
    return [
        linear(f"{layer}.{name}", tokens, d_model, features, bias=letter in shape.bias, inputs=(source,))
        for letter, name, features in parts
    ]


def unique(*names: str) -> tuple[str, ...]:
    """Return the names without repetition, in order."""
    return tuple(dict.fromkeys(names))
