"""Nemotron-4 and Minitron: transformers' NemotronConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Nemotron: layer norms, half of a head turns, an MLP without a gate that squares its ReLU."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    mlp = _decoder.mlp(fields, default="relu2", gated=False, bias=fields.flag("mlp_bias", False))
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias),
        mlps=[mlp] * depth,
        norm=Norm("layer"),
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.5),
    )
