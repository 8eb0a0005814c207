"""Phi-3 and Phi-4: transformers' Phi3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(act="mlp.activation_fn")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Phi-3: one projection makes queries, keys and values, one the gate and the value of the MLP."""
    depth = _decoder.layers(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, fused=True),
        mlps=[_decoder.mlp(fields, fused=True)] * depth,
        windows=[_decoder.window(fields)] * depth,
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 1.0),
        names=NAMES,
    )
