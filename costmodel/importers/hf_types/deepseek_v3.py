"""DeepSeek-V3: transformers' DeepseekV3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types.deepseek_v2 import latent_decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a DeepSeek-V3, whose router corrects its scores; its modules for further tokens are uncounted."""
    return latent_decoder(fields, name, router_correction=True)
