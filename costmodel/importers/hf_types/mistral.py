"""Mistral: transformers' MistralConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Mistral, whose layers all have the window."""
    depth = _decoder.layers(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, null_is_heads=False),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=[_decoder.window(fields)] * depth,
    )
