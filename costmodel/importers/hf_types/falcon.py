"""Falcon: transformers' FalconConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder, bloom
from costmodel.workload.language_model import LanguageModel, Norm

NAMES = replace(bloom.NAMES, act="mlp.act")

TWO_NORMS = replace(NAMES, attention_norm="ln_attn", mlp_norm="ln_mlp")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Falcon: one key and value for all heads or, of the new architecture, for groups of them.

    Attention and MLP read one norm, or each its own, which costs what norms one after the other do.
    """
    fields = fields.named(
        hidden_size="n_embed", num_hidden_layers="n_layer", num_attention_heads="n_head",
        intermediate_size="ffn_hidden_size", hidden_act="activation",
    )  # fmt: skip
    depth, heads = _decoder.layers(fields), fields.count("num_attention_heads")
    grouped, single = fields.flag("new_decoder_architecture", False), fields.flag("multi_query", True)
    kv_heads = fields.count("num_kv_heads", heads)
    parallel, alibi = fields.flag("parallel_attn", True), fields.flag("alibi", False)
    norms = fields.count("num_ln_in_parallel_attn", 2 if grouped else 1, high=2)
    linear_bias = fields.flag("bias", False)
    attention = _decoder.attention(fields, kv_heads=0, bias="qkvo" if linear_bias else "", fused=True, alibi=alibi)
    width = fields.count("intermediate_size", 4 * fields.count("hidden_size"))
    mlp = _decoder.mlp(fields, width=width, default="gelu", bias=linear_bias, gated=False)
    one_norm = parallel and norms == 1
    return _decoder.decoder(
        fields,
        name,
        attention=replace(attention, kv_heads=kv_heads if grouped else 1 if single else heads),
        mlps=[mlp] * depth,
        tied=True,
        norm=Norm("layer", "parallel" if one_norm else "pre"),
        rotary=0.0 if alibi else 1.0,
        names=TWO_NORMS if parallel and not one_norm else NAMES,
    )
