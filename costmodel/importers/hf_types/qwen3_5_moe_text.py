"""Qwen3.5 with experts: transformers' Qwen3_5MoeTextConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.importers.hf_types.qwen3_next import hybrid
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Qwen3.5 with experts, and a shared one, in every layer."""
    moe = Moe(
        experts=fields.count("num_experts", 256),
        experts_per_token=fields.count("num_experts_per_tok", 8),
        d_ff=fields.count("moe_intermediate_size", 512),
        function=fields.choice("hidden_act", ACTIVATIONS, "silu"),
        shared_d_ff=fields.count("shared_expert_intermediate_size", 512),
        shared_gate=True,
    )
    return hybrid(fields, name, [moe] * _decoder.layers(fields), kv_heads=2, separate=True)
