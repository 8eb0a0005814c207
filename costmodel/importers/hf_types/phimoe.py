"""Phi-3.5 with experts: transformers' PhimoeConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Phi-3.5 with experts in every layer: layer norms, and biases of the attention and the head if told."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    fields.accept("input_jitter_noise", fields.values.get("input_jitter_noise"))
    moe = _decoder.all_experts(fields, experts=16, experts_per_token=2, key="num_local_experts", router="mlp.router")
    model = _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, bias=bias),
        mlps=[moe] * depth,
        windows=[_decoder.window(fields)] * depth,
        norm=Norm("layer"),
    )
    return replace(model, head_bias=fields.flag("lm_head_bias", False))
