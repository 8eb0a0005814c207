"""OLMo: transformers' OlmoConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OLMo: a Llama with layer norms that have no weights."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias),
        mlps=[_decoder.mlp(fields)] * depth,
        norm=Norm("layer", affine=False),
    )
