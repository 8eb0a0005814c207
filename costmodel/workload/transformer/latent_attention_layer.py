"""Multi-head latent attention as ops, in the form that each phase of serving computes.

DeepSeek-AI, DeepSeek-V2, arXiv 2405.04434, section 2.1. A pass without earlier tokens expands the latent to every
head's keys and values, and a prefill leaves the latent and the rotary key in the cache; a decode absorbs that expansion
into the queries and outputs and attends to what is cached, which then is all it reads.
"""

from dataclasses import replace

from costmodel.workload.attention_shapes import LatentAttention
from costmodel.workload.op import Op
from costmodel.workload.ops import attention, latent_attention, linear, norm
from costmodel.workload.transformer.rotary import rotary_embedding
from costmodel.workload.transformer.span import Span


def latent_attention_layer(layer: str, shape: LatentAttention, span: Span, *, d_model: int, source: str) -> list[Op]:
    """Return the projections, the attention in its expanded or absorbed form, and the output projection."""
    module, tokens = f"{layer}.self_attn", span.tokens
    ops = _queries(module, shape, tokens, d_model=d_model, source=source)
    down = linear(
        f"{module}.kv_a_proj_with_mqa", tokens, d_model, shape.cache_elements, bias=shape.bias, inputs=(source,)
    )
    latent = norm(
        f"{module}.kv_a_layernorm",
        tokens * shape.kv_lora_rank,
        shape.kv_lora_rank,
        style="rms",
        bias=False,
        inputs=(down.name,),
    )
    if span.caches and not span.decodes:
        latent = replace(latent, kv_elements=tokens * shape.cache_elements)
    turned = rotary_embedding(
        f"{module}.rotary", tokens * (shape.heads + 1) * shape.rope_dim, inputs=(ops[-1].name, down.name)
    )
    form = _absorbed if span.decodes else _expanded
    core = form(module, shape, span, queries=ops[-1].name, turned=turned.name, latent=latent.name)
    values = shape.heads * shape.value_dim
    out = linear(f"{module}.o_proj", tokens, values, d_model, bias=shape.bias, inputs=(core[-1].name,))
    return [*ops, down, latent, turned, *core, out]


def _queries(module: str, shape: LatentAttention, tokens: int, *, d_model: int, source: str) -> list[Op]:
    width, rank = shape.heads * (shape.nope_dim + shape.rope_dim), shape.q_lora_rank
    if not rank:
        return [linear(f"{module}.q_proj", tokens, d_model, width, bias=False, inputs=(source,))]
    down = linear(f"{module}.q_a_proj", tokens, d_model, rank, bias=shape.bias, inputs=(source,))
    normed = norm(f"{module}.q_a_layernorm", tokens * rank, rank, style="rms", bias=False, inputs=(down.name,))
    return [down, normed, linear(f"{module}.q_b_proj", tokens, rank, width, bias=False, inputs=(normed.name,))]


def _expanded(module: str, shape: LatentAttention, span: Span, *, queries: str, turned: str, latent: str) -> list[Op]:
    width = shape.heads * (shape.nope_dim + shape.value_dim)
    expand = linear(f"{module}.kv_b_proj", span.tokens, shape.kv_lora_rank, width, bias=False, inputs=(latent,))
    scores = attention(
        f"{module}.attention",
        span.batch,
        queries=span.queries,
        keys=span.keys,
        heads=shape.heads,
        kv_heads=shape.heads,
        head_dim=shape.nope_dim + shape.rope_dim,
        value_dim=shape.value_dim,
        causal=span.causal,
        inputs=(queries, turned, expand.name),
    )
    return [expand, scores]


def _absorbed(module: str, shape: LatentAttention, span: Span, *, queries: str, turned: str, latent: str) -> list[Op]:
    rank = shape.kv_lora_rank
    absorb = _per_head(f"{module}.kv_b_proj.k", span.tokens, shape.heads, shape.nope_dim, rank, source=queries)
    scores = latent_attention(
        f"{module}.attention",
        span.batch,
        queries=span.queries,
        keys=span.keys,
        heads=shape.heads,
        latent_dim=rank,
        rope_dim=shape.rope_dim,
        inputs=(absorb.name, turned, latent),
    )
    value = _per_head(f"{module}.kv_b_proj.v", span.tokens, shape.heads, rank, shape.value_dim, source=scores.name)
    return [absorb, scores, value]


def _per_head(name: str, tokens: int, heads: int, features_in: int, features_out: int, *, source: str) -> Op:
    """Return a linear layer that has a weight of its own for every head: half of kv_b_proj's weights."""
    return Op(
        name,
        "linear",
        (source,),
        b=heads,
        m=tokens,
        n=features_out,
        k=features_in,
        input_elements=heads * tokens * features_in,
        weight_elements=heads * features_in * features_out,
        output_elements=heads * tokens * features_out,
    )
