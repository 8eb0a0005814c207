"""Qwen3-Next: transformers' Qwen3NextConfig."""

from collections.abc import Sequence
from dataclasses import replace

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.attention_shapes import DeltaNet
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel

LINEAR = "linear_attention"


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3-Next: a hybrid with experts, and a shared one."""
    mlps = _decoder.some_experts(
        fields,
        _decoder.layers(fields),
        experts=512,
        experts_per_token=10,
        d_ff=512,
        shared_d_ff=fields.count("shared_expert_intermediate_size", 512),
        shared_gate=True,
    )
    return hybrid(fields, name, mlps, kv_heads=2, separate=False)


def hybrid(
    fields: ConfigFields, name: str, mlps: Sequence[Mlp | Moe], *, kv_heads: int, separate: bool
) -> LanguageModel:
    """Read one with the gated delta rule in three of four layers, and gated attention in others."""
    depth, bias = len(mlps), _decoder.biased(fields)
    attention = _decoder.attention(
        fields, kv_heads=kv_heads, null_is_heads=False, head_dim=256, bias=bias, qk_norm="rms", gated=True
    )
    model = _decoder.decoder(
        fields,
        name,
        attention=attention,
        mlps=mlps,
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.25),
    )
    step = fields.count("full_attention_interval", 4, high=MAX_LAYERS)
    kinds = fields.texts("layer_types", depth, (LINEAR, _decoder.FULL))
    whole = [kind == _decoder.FULL for kind in kinds] if kinds else [(i + 1) % step == 0 for i in range(depth)]
    linear = _delta_net(fields, separate=separate)
    pairs = zip(model.blocks, whole, strict=True)
    return replace(model, blocks=tuple(block if full else Block(linear, block.mlp) for block, full in pairs))


def _delta_net(fields: ConfigFields, *, separate: bool) -> DeltaNet:
    return DeltaNet(
        heads=fields.count("linear_num_value_heads", 32),
        key_heads=fields.count("linear_num_key_heads", 16),
        key_dim=fields.count("linear_key_head_dim", 128),
        value_dim=fields.count("linear_value_head_dim", 128),
        kernel=fields.count("linear_conv_kernel_dim", 4, high=MAX_LAYERS),
        separate=separate,
    )
