"""Ministral 3: transformers' Ministral3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Ministral 3: a Mistral with a scale of its queries by their place, which is not counted."""
    depth = _decoder.layers(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, head_dim=128),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=[_decoder.window(fields)] * depth,
    )
