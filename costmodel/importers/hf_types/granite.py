"""Granite: transformers' GraniteConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import llama
from costmodel.workload.language_model import LanguageModel

COSTLESS = ("attention_multiplier", "embedding_multiplier", "logits_scaling", "residual_multiplier")
"""Factors that can be merged into weights beside them."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Granite: a Llama with constant factors."""
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    return llama.language_model(fields, name)
