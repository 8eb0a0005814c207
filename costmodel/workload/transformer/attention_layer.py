"""Self-attention with keys and values a head (MHA, GQA, MQA) as ops."""

from dataclasses import replace

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, attention, elementwise, linear, norm
from costmodel.workload.transformer.normalization import rms_norm
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
    queries = q
    if shape.qk_norm:
        ops += _normed(shape, span.tokens, (f"{module}.{names.q_norm}", q), (f"{module}.{names.k_norm}", k))
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
    ops.append(scores)
    if shape.gated:
        ops += gate(f"{module}.gate", span.tokens * width, value=scores.name, by=queries)
    if shape.inner_norm:
        ops.append(rms_norm(f"{module}.{shape.inner_norm}", span.tokens, width, source=ops[-1].name))
    out = linear(f"{layer}.{names.out}", span.tokens, width, d_model, bias="o" in shape.bias, inputs=(ops[-1].name,))
    return [*ops, out]


def _normed(shape: Attention, tokens: int, queries: tuple[str, str], keys: tuple[str, str]) -> list[Op]:
    """The norms of queries and keys, whose names are given each with that of what they read."""
    whole, style = shape.qk_norm_whole, shape.qk_norm
    ops = []
    for (name, read), heads in ((queries, shape.heads), (keys, shape.kv_heads)):
        features = heads * shape.head_dim
        size, shifts = (tokens * features, features if whole else shape.head_dim), style == "layer" and not whole
        ops.append(norm(name, *size, style=style, affine=shape.qk_norm_affine, bias=shifts, inputs=(read,)))
    return ops


def gate(name: str, elements: float, *, value: str, by: str, function: str = "sigmoid") -> list[Op]:
    """Return a function of op `by`, and the product of op `value` with it."""
    factor = activation(f"{name}.{function}", elements, function=function, inputs=(by,))
    return [factor, elementwise(f"{name}.product", elements, product=True, inputs=(value, factor.name))]


def projections(
    layer: str, shape: Attention, tokens: int, *, d_model: int, names: ModuleNames, source: str
) -> list[Op]:
    """Return the projections to queries, keys and values, in that order, or the one that makes all three."""
    width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if shape.fused:
        bias = "q" in shape.bias
        return [linear(f"{layer}.{names.qkv}", tokens, d_model, width + 2 * kv_width, bias=bias, inputs=(source,))]
    parts = (("q", names.q, width * (1 + shape.gated)), ("k", names.k, kv_width), ("v", names.v, kv_width))
    return [
        linear(f"{layer}.{name}", tokens, d_model, features, bias=letter in shape.bias, inputs=(source,))
        for letter, name, features in parts
    ]


def unique(*names: str) -> tuple[str, ...]:
    """Return the names without repetition, in order."""
    return tuple(dict.fromkeys(names))
