"""Solar Open: transformers' SolarOpenConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Solar Open: experts and shared ones in every layer."""
    depth, width = _decoder.layers(fields), fields.count("moe_intermediate_size", 1280)
    fields.accept("intermediate_size", fields.values.get("intermediate_size"))
    moe = Moe(
        experts=fields.count("n_routed_experts", 128),
        experts_per_token=fields.count("num_experts_per_tok", 8),
        d_ff=width,
        function=fields.choice("hidden_act", ACTIVATIONS, "silu"),
        shared_d_ff=width * fields.count("n_shared_experts", 1, low=0, high=MAX_LAYERS),
        router_correction=True,
    )
    bias = "qkv" * fields.flag("attention_bias", False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, null_is_heads=False, head_dim=128, bias=bias),
        mlps=[moe] * depth,
    )
