"""OLMo 3: transformers' Olmo3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.olmo2 import with_windows
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OLMo 3: an OLMo 2 with windows in all but each fourth layer."""
    depth = _decoder.layers(fields)
    size = fields.count("sliding_window", 4096, low=0)
    slides = [(i + 1) % 4 != 0 for i in range(depth)]
    return with_windows(fields, name, _decoder.windows(fields, depth, size=size, default=slides))
