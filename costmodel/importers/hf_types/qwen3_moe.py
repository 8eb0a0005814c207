"""Qwen3 with experts: transformers' Qwen3MoeConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3 with experts: each head's query and key have a norm."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    size = _decoder.window(fields) if fields.flag("use_sliding_window", False) else 0
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, null_is_heads=False, bias=bias, qk_norm="rms"),
        mlps=_decoder.some_experts(fields, depth, experts=128, experts_per_token=8, d_ff=768),
        windows=[size] * depth,
    )
