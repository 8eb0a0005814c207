"""ERNIE 4.5 with experts: transformers' Ernie4_5_MoeConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an ERNIE 4.5 with experts and shared ones in some layers; shared ones' biases are not read."""
    depth = _decoder.layers(fields)
    if fields.flag("use_bias", False):
        fields.reject("use_bias", "false")
    mlp, width = _decoder.mlp(fields), fields.count("moe_intermediate_size", 1536)
    moe = Moe(
        experts=fields.count("moe_num_experts", 64),
        experts_per_token=fields.count("moe_k", 6),
        d_ff=width,
        function=mlp.function,
        shared_d_ff=width * fields.count("moe_num_shared_experts", 2, low=0, high=MAX_LAYERS),
        router_correction=True,
    )
    fields.accept("moe_norm_min", fields.values.get("moe_norm_min"))
    first, last = fields.count("moe_layer_start_index", 1, low=0), fields.count("moe_layer_end_index", -1, low=-1)
    step = fields.count("moe_layer_interval", 1, high=MAX_LAYERS)
    sparse = range(first, depth if last < 0 else min(last + 1, depth))
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, null_is_heads=False),
        mlps=[moe if i in sparse and (i + 1) % step == 0 else mlp for i in range(depth)],
        tied=True,
    )
