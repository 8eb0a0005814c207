"""Gemma: transformers' GemmaConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Gemma: a Llama with heads of a width of their own and a head tied to the token table."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    fields.accept("hidden_activation", fields.values.get("hidden_activation"))
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=16, null_is_heads=False, head_dim=256, bias=bias),
        mlps=[_decoder.mlp(fields, default="gelu_pytorch_tanh")] * depth,
        tied=True,
    )
