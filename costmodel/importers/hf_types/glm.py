"""GLM-4 and GLM-4.1 of 9B: transformers' GlmConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import LLAMA, ModuleNames


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GLM-4: biases of queries, keys and values, one projection for gate and value, half of a head turns."""
    return with_norms(fields, name, Norm(), LLAMA)


def with_norms(fields: ConfigFields, name: str, norm: Norm, names: ModuleNames) -> LanguageModel:
    """Read one with norms in these places."""
    depth = _decoder.layers(fields)
    bias = "qkv" * fields.flag("attention_bias", True)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=2, head_dim=128, bias=bias),
        mlps=[_decoder.mlp(fields, fused=True)] * depth,
        norm=norm,
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.5),
        names=names,
    )
