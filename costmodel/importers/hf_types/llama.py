"""Llama: transformers' LlamaConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Llama."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    mlp = _decoder.mlp(fields, bias=fields.flag("mlp_bias", False))
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias),
        mlps=[mlp] * depth,
    )
