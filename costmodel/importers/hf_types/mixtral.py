"""Mixtral: transformers' MixtralConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Mixtral, whose layers all have experts."""
    depth = _decoder.layers(fields)
    moe = Moe(
        experts=fields.count("num_local_experts", 8),
        experts_per_token=fields.count("num_experts_per_tok", 2),
        d_ff=fields.count("intermediate_size"),
        function=fields.choice("hidden_act", ACTIVATIONS, "silu"),
    )
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, null_is_heads=False),
        mlps=[moe] * depth,
        windows=[_decoder.window(fields)] * depth,
    )
