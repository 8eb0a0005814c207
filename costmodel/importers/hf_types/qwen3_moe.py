"""Qwen3 with experts: transformers' Qwen3MoeConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Moe


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3: every `decoder_sparse_step`-th layer that is not among `mlp_only_layers` has experts."""
    depth = _decoder.layers(fields)
    bias = "qkvo" if fields.flag("attention_bias", False) else ""
    mlp = _decoder.mlp(fields)
    moe = Moe(
        experts=fields.count("num_local_experts", fields.count("num_experts", 128)),
        experts_per_token=fields.count("num_experts_per_tok", 8),
        d_ff=fields.count("moe_intermediate_size", 768),
        function=mlp.function,
    )
    step = fields.count("decoder_sparse_step", 1, high=MAX_LAYERS)
    dense = fields.indices("mlp_only_layers", depth)
    mlps = [mlp if i in dense or (i + 1) % step else moe for i in range(depth)]
    size = _decoder.window(fields) if fields.flag("use_sliding_window", False) else 0
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, null_is_heads=False, bias=bias, qk_norm=True),
        mlps=mlps,
        windows=[size] * depth,
    )
