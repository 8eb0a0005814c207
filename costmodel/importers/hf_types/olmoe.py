"""OLMoE: transformers' OlmoeConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OLMoE: experts in every layer, norms of all heads' queries and keys together."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, qk_norm="rms", qk_norm_whole=True),
        mlps=[_decoder.all_experts(fields, experts=64, experts_per_token=8)] * depth,
    )
