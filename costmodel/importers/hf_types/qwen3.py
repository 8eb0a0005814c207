"""Qwen3: transformers' Qwen3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.qwen2 import with_late_windows
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3: each head's query and key have a norm."""
    bias = _decoder.biased(fields)
    attention = _decoder.attention(fields, kv_heads=32, head_dim=128, bias=bias, qk_norm="rms")
    return with_late_windows(fields, name, attention)
