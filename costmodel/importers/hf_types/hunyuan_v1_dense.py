"""Hunyuan dense: transformers' HunYuanDenseV1Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(q_norm="query_layernorm", k_norm="key_layernorm")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Hunyuan: a Llama with norms of each head's query and key."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, qk_norm="rms"),
        mlps=[_decoder.mlp(fields)] * depth,
        names=NAMES,
    )
