"""Qwen1.5 and Qwen2 with experts: transformers' Qwen2MoeConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen2: experts and one that every token takes, weighed by a gate; windows in every other early layer."""
    depth = _decoder.layers(fields)
    bias = "qkv" if fields.flag("qkv_bias", True) else ""
    shared = fields.count("shared_expert_intermediate_size", 5632)
    size = _decoder.window(fields) if fields.flag("use_sliding_window", False) else 0
    until = fields.count("max_window_layers", 28, low=0)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=16, bias=bias),
        mlps=_decoder.some_experts(
            fields, depth, experts=60, experts_per_token=4, d_ff=1408, shared_d_ff=shared, shared_gate=True
        ),
        windows=_decoder.windows(fields, depth, size=size, default=[i % 2 == 0 and i < until for i in range(depth)]),
    )
