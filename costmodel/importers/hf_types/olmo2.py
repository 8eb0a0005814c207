"""OLMo 2: transformers' Olmo2Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OLMo 2: norms of what a sublayer gives, and of all heads' queries and keys together."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, qk_norm="rms", qk_norm_whole=True),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=[0] * depth,
        norm=Norm("rms", "output"),
    )
