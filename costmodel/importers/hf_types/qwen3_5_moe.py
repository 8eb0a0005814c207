"""Qwen3.5 with experts for text and images: transformers' Qwen3_5MoeConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _multimodal, qwen3_5_moe_text
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.language_model import LanguageModel

HEADS = {"Model": bare, "ForConditionalGeneration": as_read, "ForCausalLM": as_read}
DEFAULTS = {"vocab_size": 248_320, "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 16}  # fmt: skip
"""transformers' Qwen3_5MoeTextConfig: published files leave out what equals it."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read the language model of a Qwen3.5 with experts."""
    return _multimodal.language_part(fields, name, qwen3_5_moe_text.language_model, defaults=DEFAULTS)
