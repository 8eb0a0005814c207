"""Seed-OSS: transformers' SeedOssConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Seed-OSS: a Llama with biases of queries, keys and values."""
    depth = _decoder.layers(fields)
    bias = "qkv" * fields.flag("attention_bias", True) + "o" * fields.flag("attention_out_bias", False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, head_dim=128, bias=bias),
        mlps=[_decoder.mlp(fields, bias=fields.flag("mlp_bias", False))] * depth,
    )
