"""MiniMax-M2: transformers' MiniMaxM2Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel

COSTLESS = ("scoring_func", "use_qk_norm", "qk_norm_type", "use_routing_bias", "shared_intermediate_size",
            "attn_type_list", "layernorm_full_attention_beta", "layernorm_linear_attention_beta", "layernorm_mlp_beta",
            "mlp_intermediate_size", "shared_moe_mode", "rotary_dim")  # fmt: skip
"""Keys of published files that transformers' module does not read."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a MiniMax-M2: experts in every layer, norms of all heads' queries and keys together.

    Modules for further tokens (`use_mtp`) are uncounted.
    """
    depth = _decoder.layers(fields)
    width = fields.count("rotary_dim", 0, low=0)
    head = fields.count("head_dim", 128)
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    moe = _decoder.all_experts(
        fields, experts=256, experts_per_token=8, key="num_local_experts", router_correction=True
    )
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(
            fields, kv_heads=8, null_is_heads=False, head_dim=128, qk_norm="rms", qk_norm_whole=True
        ),
        mlps=[moe] * depth,
        rotary=_decoder.rotary(fields, "partial_rotary_factor", min(1.0, width / head) if width else 1.0),
    )
