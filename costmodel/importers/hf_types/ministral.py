"""Ministral: transformers' MinistralConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Ministral: a Mistral whose layers may differ in their windows."""
    depth = _decoder.layers(fields)
    size = _decoder.window(fields) if "sliding_window" in fields.values else 4096
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[True] * depth),
    )
