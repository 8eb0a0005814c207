"""Gemma 3 for text and images: transformers' Gemma3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _multimodal, gemma3_text
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.language_model import LanguageModel

HEADS = {"Model": bare, "ForConditionalGeneration": as_read}
DEFAULTS = {"vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
            "num_attention_heads": 8}  # fmt: skip
"""transformers' Gemma3TextConfig: published files leave out what equals it."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read the language model of a Gemma 3."""
    fields.accept("mm_tokens_per_image", fields.values.get("mm_tokens_per_image"))
    return _multimodal.language_part(fields, name, gemma3_text.language_model, defaults=DEFAULTS)
