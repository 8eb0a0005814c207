"""Gemma 3 for text and images: transformers' Gemma3Config."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import gemma2, gemma3_text
from costmodel.importers.hf_types._heads import as_read, bare
from costmodel.workload.language_model import LanguageModel

NAMES = replace(
    gemma2.NAMES,
    embedding="model.language_model.embed_tokens",
    layers="model.language_model.layers",
    final_norm="model.language_model.norm",
)

HEADS = {"Model": bare, "ForConditionalGeneration": as_read}
DEFAULTS = {"vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
            "num_attention_heads": 8}  # fmt: skip
"""transformers' Gemma3TextConfig: published files leave out what equals it."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read the language model of a Gemma 3; the encoder of images, and what leads from it, are uncounted."""
    for key in ("mm_tokens_per_image", "boi_token_index", "eoi_token_index", "image_token_index"):
        fields.accept(key, fields.values.get(key))
    model = gemma3_text.language_model(text := fields.inner("text_config", DEFAULTS), name)
    seen = "vision_config" in fields.values
    fields.accept("vision_config", fields.values.get("vision_config"))
    tied = fields.flag("tie_word_embeddings", model.tied)
    left = (*text.not_understood(), *(("vision_config: the encoder of images",) if seen else ()))
    return replace(model, tied=tied, names=NAMES, uncounted=model.uncounted + left)
