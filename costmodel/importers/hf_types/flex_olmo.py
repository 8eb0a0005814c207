"""FlexOlmo: transformers' FlexOlmoConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.olmo2 import with_windows
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a FlexOlmo: an OLMo 2 whose layers all have experts."""
    moe = _decoder.all_experts(fields, experts=7, experts_per_token=5)
    return with_windows(fields, name, [0] * _decoder.layers(fields), moe)
