"""Qwen3.5: transformers' Qwen3_5TextConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.qwen3_next import hybrid
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3.5: a hybrid as Qwen3-Next, without experts."""
    return hybrid(fields, name, [_decoder.mlp(fields)] * _decoder.layers(fields), kv_heads=4, separate=True)
