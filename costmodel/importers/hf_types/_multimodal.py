"""The language model within the configuration of one that sees images too."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from costmodel.importers.config_fields import ConfigFields
from costmodel.workload.language_model import LanguageModel

INDICES = (
    "boi_token_index", "eoi_token_index", "image_token_index", "image_token_id", "video_token_id",
    "vision_start_token_id", "vision_end_token_id",
)  # fmt: skip


def inside(part: str) -> str:
    """The name of a language model's module within `model.language_model`."""
    return part.replace("model.", "model.language_model.", 1)


def language_part(
    fields: ConfigFields,
    name: str,
    read: Callable[[ConfigFields, str], LanguageModel],
    *,
    defaults: Mapping[str, Any],
    within: Callable[[str], str] = inside,
) -> LanguageModel:
    """Read `text_config`, whose modules are called as `within` says; the encoder of images, and what leads from it, are
    uncounted."""
    for key in INDICES:
        fields.accept(key, fields.values.get(key))
    text = fields.inner("text_config", defaults)
    model = read(text, name)
    own = model.names
    parts = {part: within(getattr(own, part)) for part in ("embedding", "layers", "final_norm", "head")}
    seen = fields.values.get("vision_config") is not None
    fields.accept("vision_config", fields.values.get("vision_config"))
    tied = fields.flag("tie_word_embeddings", model.tied)
    left = (*text.not_understood(), *(("vision_config: the encoder of images",) if seen else ()))
    return replace(model, tied=tied, names=replace(own, **parts), uncounted=model.uncounted + left)
