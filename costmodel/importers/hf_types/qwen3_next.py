"""Qwen3-Next: transformers' Qwen3NextConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import Block, DeltaNet, LanguageModel

LINEAR = "linear_attention"


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3-Next: the gated delta rule in three of four layers, gated attention in others, experts and a shared
    one."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    shared = fields.count("shared_expert_intermediate_size", 512)
    attention = _decoder.attention(
        fields, kv_heads=2, null_is_heads=False, head_dim=256, bias=bias, qk_norm="rms", gated=True
    )
    mlps = _decoder.some_experts(
        fields, depth, experts=512, experts_per_token=10, d_ff=512, shared_d_ff=shared, shared_gate=True
    )
    model = _decoder.decoder(
        fields,
        name,
        attention=attention,
        mlps=mlps,
        windows=[0] * depth,
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.25),
    )
    step = fields.count("full_attention_interval", 4, high=MAX_LAYERS)
    kinds = fields.texts("layer_types", depth, (LINEAR, _decoder.FULL))
    whole = [kind == _decoder.FULL for kind in kinds] if kinds else [(i + 1) % step == 0 for i in range(depth)]
    linear = _delta_net(fields)
    pairs = zip(model.blocks, whole, strict=True)
    return replace(model, blocks=tuple(block if full else Block(linear, block.mlp) for block, full in pairs))


def _delta_net(fields: ConfigFields) -> DeltaNet:
    return DeltaNet(
        heads=fields.count("linear_num_value_heads", 32),
        key_heads=fields.count("linear_num_key_heads", 16),
        key_dim=fields.count("linear_key_head_dim", 128),
        value_dim=fields.count("linear_value_head_dim", 128),
        kernel=fields.count("linear_conv_kernel_dim", 4, high=MAX_LAYERS),
    )
