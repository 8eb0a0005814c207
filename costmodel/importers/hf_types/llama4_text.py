"""Llama 4: transformers' Llama4TextConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    q_norm="qk_norm.q",
    k_norm="qk_norm.k",
    gate="feed_forward.gate_proj",
    up="feed_forward.up_proj",
    act="feed_forward.activation_fn",
    down="feed_forward.down_proj",
)

CHUNKED = "chunked_attention"
COSTLESS = ("attn_temperature_tuning", "floor_scale", "attn_scale", "for_llm_compressor")
"""A factor of queries by their place."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Llama 4: experts and one that every token takes; layers with rotary embedding see a chunk, others all.

    A chunk is counted as a window of as many tokens, which is told: a token sees half of that in the mean.
    """
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    wide = Mlp(fields.count("intermediate_size_mlp", 16384), _decoder.mlp(fields, width=8192).function)
    moe = _experts(fields, wide.function)
    turned = _decoder.turned(fields, depth)
    size = fields.count("attention_chunk_size", 0, low=0) if "attention_chunk_size" in fields.values else 8192
    kinds = fields.texts("layer_types", depth, (CHUNKED, _decoder.FULL))
    chunked = [kind == CHUNKED for kind in kinds] if kinds else turned
    sparse = _sparse(fields, depth)
    attention = _decoder.attention(fields, kv_heads=8, head_dim=128, bias=bias)
    model = _decoder.decoder(
        fields,
        name,
        attention=attention,
        mlps=[moe if i in sparse else wide for i in range(depth)],
        windows=[size if each else 0 for each in chunked],
        turned=turned,
        names=NAMES,
        uncounted=(f"attention_chunk_size={size}, counted as a window of that many tokens",) if size else (),
    )
    return _normed(model) if fields.flag("use_qk_norm", True) else model


def _experts(fields: ConfigFields, function: str) -> Moe:
    width = fields.count("intermediate_size", 8192)
    return Moe(
        experts=fields.count("num_local_experts", 16),
        experts_per_token=fields.count("num_experts_per_tok", 1),
        d_ff=width,
        function=function,
        shared_d_ff=width,
        router="feed_forward.router",
        module="feed_forward",
        shared="shared_expert",
    )


def _sparse(fields: ConfigFields, depth: int) -> set[int]:
    """The layers with experts: those that are listed, else every so many."""
    step = fields.count("interleave_moe_layer_step", 1, high=MAX_LAYERS)
    listed = fields.value("moe_layers")
    return set(range(step - 1, depth, step)) if listed is None else fields.indices("moe_layers", depth)


def _normed(model: LanguageModel) -> LanguageModel:
    """The model with norms of each head's turned query and key, which have no weights."""
    blocks = []
    for block in model.blocks:
        own = block.attention
        assert isinstance(own, Attention)
        if own.turned:
            own = replace(own, qk_norm="rms", qk_norm_affine=False)
        blocks.append(replace(block, attention=own))
    return replace(model, blocks=tuple(blocks))
