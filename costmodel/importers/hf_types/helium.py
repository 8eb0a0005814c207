"""Helium: transformers' HeliumConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Helium: a Llama without a bias behind its attention."""
    depth = _decoder.layers(fields)
    bias = "qkv" * fields.flag("attention_bias", False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=20, null_is_heads=False, head_dim=128, bias=bias),
        mlps=[_decoder.mlp(fields, bias=fields.flag("mlp_bias", False))] * depth,
    )
