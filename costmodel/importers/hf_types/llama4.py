"""Llama 4 for text and images: transformers' Llama4Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _multimodal, llama4_text
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.language_model import LanguageModel

HEADS = {"Model": bare, "ForConditionalGeneration": as_read, "ForCausalLM": as_read}
DEFAULTS = {"vocab_size": 202_048, "hidden_size": 5120, "intermediate_size": 8192, "num_hidden_layers": 48,
            "num_attention_heads": 40}  # fmt: skip
"""transformers' Llama4TextConfig: published files leave out what equals it."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read the language model of a Llama 4."""
    return _multimodal.language_part(
        fields, name, llama4_text.language_model, defaults=DEFAULTS, within=lambda part: f"language_model.{part}"
    )
