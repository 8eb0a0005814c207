"""ERNIE 4.5: transformers' Ernie4_5Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an ERNIE 4.5: a Llama with biases everywhere or nowhere."""
    depth, bias = _decoder.layers(fields), fields.flag("use_bias", False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=2, head_dim=128, bias="qkvo" * bias),
        mlps=[_decoder.mlp(fields, bias=bias)] * depth,
        tied=True,
    )
