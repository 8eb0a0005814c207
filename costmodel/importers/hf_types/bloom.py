"""BLOOM: transformers' BloomConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder, gpt_neox
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import LanguageModel, Norm

NAMES = replace(
    gpt_neox.NAMES,
    embedding="transformer.word_embeddings",
    embedding_norm="transformer.word_embeddings_layernorm",
    layers="transformer.h",
    final_norm="transformer.ln_f",
    attention="self_attention",
    qkv="self_attention.query_key_value",
    out="self_attention.dense",
    act="mlp.gelu_impl",
)

COSTLESS = (
    "apply_residual_connection_post_layernorm", "attention_softmax_in_fp32", "bias_dropout_fusion",
    "masked_softmax_fusion", "offset_alibi", "seq_length", "skip_bias_add", "skip_bias_add_qkv", "slow_but_exact",
)  # fmt: skip
"""Keys that say how the training code runs, or which of two equally dear residuals is added."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a BLOOM: a norm of the embeddings, scores by distance, biases in every layer but the head."""
    fields = fields.named(hidden_size="n_embed", num_hidden_layers="n_layer", num_attention_heads="n_head")
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    depth, d_model = _decoder.layers(fields), fields.count("hidden_size")
    model = _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias="qkvo", fused=True, alibi=True),
        mlps=[Mlp(4 * d_model, "gelu", gated=False, bias=True)] * depth,
        tied=True,
        norm=Norm("layer"),
        rotary=0.0,
        names=NAMES,
    )
    return replace(model, embedding_norm=True)
