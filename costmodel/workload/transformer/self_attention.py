"""Self-attention with a key and a value a head (MHA, GQA, MQA) as ops."""

from costmodel.workload.language_model import Attention
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.op import Op
from costmodel.workload.ops import attention, elementwise, linear, norm
from costmodel.workload.transformer.span import Span

ROTARY_FLOPS = 3  # x cos + rotated(x) sin: Su et al., RoFormer, arXiv 2104.09864, eq. 34


def self_attention(
    layer: str, shape: Attention, span: Span, *, d_model: int, rotary: bool, names: ModuleNames, source: str
) -> list[Op]:
    """Return projections, head norms, rotary embedding, attention and output projection of one layer."""
    heads_width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    module = f"{layer}.{names.attention}"
    ops = _projections(layer, shape, span, d_model=d_model, names=names, source=source)
    q, k, v = (ops[0].name,) * 3 if shape.fused else (op.name for op in ops)
    if shape.qk_norm:
        q_norm = norm(f"{module}.q_norm", span.tokens * heads_width, shape.head_dim, style="rms", bias=False, inputs=(q,))
        k_norm = norm(f"{module}.k_norm", span.tokens * kv_width, shape.head_dim, style="rms", bias=False, inputs=(k,))
        ops += [q_norm, k_norm]
        q, k = q_norm.name, k_norm.name
    if rotary:
        elements = span.tokens * (heads_width + kv_width)
        sources = tuple(dict.fromkeys((q, k)))
        ops.append(elementwise(f"{module}.rotary", elements, operands=1, flops=ROTARY_FLOPS, inputs=sources))
        q = k = ops[-1].name
    scores = attention(
        f"{module}.attention", span.batch, queries=span.queries, keys=span.keys, heads=shape.heads, kv_heads=shape.kv_heads,
        head_dim=shape.head_dim, causal=span.causal, window=shape.window, cached=span.causal,
        inputs=tuple(dict.fromkeys((q, k, v))),
    )  # fmt: skip
    out = linear(f"{layer}.{names.out}", span.tokens, heads_width, d_model, bias="o" in shape.bias, inputs=(scores.name,))
    return [*ops, scores, out]


def _projections(
    layer: str, shape: Attention, span: Span, *, d_model: int, names: ModuleNames, source: str
) -> list[Op]:
    width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if shape.fused:
        bias = "q" in shape.bias
        return [linear(f"{layer}.{names.qkv}", span.tokens, d_model, width + 2 * kv_width, bias=bias, inputs=(source,))]
    parts = (("q", names.q, width), ("k", names.k, kv_width), ("v", names.v, kv_width))
    return [
        linear(f"{layer}.{name}", span.tokens, d_model, features, bias=letter in shape.bias, inputs=(source,))
        for letter, name, features in parts
    ]
