"""GLM-4.5 and GLM-4.6: transformers' Glm4MoeConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GLM-4.5: dense layers, then experts and a shared one; its modules for further tokens are uncounted."""
    depth, mlp = _decoder.layers(fields), _decoder.mlp(fields)
    d_model, heads = fields.count("hidden_size"), fields.count("num_attention_heads")
    bias = "qkv" if fields.flag("attention_bias", False) else ""
    qk_norm = "rms" if fields.flag("use_qk_norm", False) else ""
    width = fields.count("moe_intermediate_size", 1408)
    moe = Moe(
        experts=fields.count("n_routed_experts", 128),
        experts_per_token=fields.count("num_experts_per_tok", 8),
        d_ff=width,
        function=mlp.function,
        shared_d_ff=width * fields.count("n_shared_experts", 1, low=0, high=MAX_LAYERS),
        router_correction=True,
    )
    dense = fields.count("first_k_dense_replace", 1, low=0, high=depth)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(
            fields, kv_heads=8, null_is_heads=False, head_dim=max(1, d_model // heads), bias=bias, qk_norm=qk_norm
        ),
        mlps=[mlp] * dense + [moe] * (depth - dense),
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.5),
    )
