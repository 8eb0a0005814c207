"""Qwen2 and Qwen2.5: transformers' Qwen2Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen2: projections to queries, keys and values add a bias."""
    return with_late_windows(fields, name, _decoder.attention(fields, kv_heads=32, bias="qkv"))


def with_late_windows(fields: ConfigFields, name: str, attention: Attention) -> LanguageModel:
    """Read what Qwen2 and Qwen3 share: if windows are used, layers from `max_window_layers` on have one."""
    depth = _decoder.layers(fields)
    uses_windows = fields.flag("use_sliding_window", False)
    size = _decoder.window(fields) if uses_windows else 0
    full = fields.count("max_window_layers", 28, low=0)
    windows = _decoder.windows(fields, depth, size=size, default=[i >= full for i in range(depth)])
    return _decoder.decoder(fields, name, attention=attention, mlps=[_decoder.mlp(fields)] * depth, windows=windows)
