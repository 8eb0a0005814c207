"""GLM-4-0414 and GLM-Z1: transformers' Glm4Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types.glm import with_norms
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    act="mlp.activation_fn", attention_post_norm="post_self_attn_layernorm", mlp_post_norm="post_mlp_layernorm"
)


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GLM-4-0414: a GLM-4 with norms of what each sublayer gives as well."""
    return with_norms(fields, name, Norm("rms", "sandwich"), NAMES)
