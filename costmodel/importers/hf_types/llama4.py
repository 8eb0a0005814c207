"""Llama 4 for text and images: transformers' Llama4Config."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import llama4_text
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.language_model import LanguageModel

HEADS = {"Model": bare, "ForConditionalGeneration": as_read, "ForCausalLM": as_read}
DEFAULTS = {"vocab_size": 202_048, "hidden_size": 5120, "intermediate_size": 8192, "num_hidden_layers": 48,
            "num_attention_heads": 40}  # fmt: skip
"""transformers' Llama4TextConfig: published files leave out what equals it."""
COSTLESS = ("boi_token_index", "eoi_token_index", "image_token_index")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read the language model of a Llama 4; the encoder of images, and what leads from it, are uncounted."""
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    text = fields.inner("text_config", DEFAULTS)
    model = llama4_text.language_model(text, name)
    names = replace(
        model.names,
        embedding=f"language_model.{model.names.embedding}",
        layers=f"language_model.{model.names.layers}",
        final_norm=f"language_model.{model.names.final_norm}",
        head=f"language_model.{model.names.head}",
    )
    seen = fields.values.get("vision_config") is not None
    fields.accept("vision_config", fields.values.get("vision_config"))
    tied = fields.flag("tie_word_embeddings", model.tied)
    left = (*text.not_understood(), *(("vision_config: the encoder of images",) if seen else ()))
    return replace(model, tied=tied, names=names, uncounted=model.uncounted + left)
