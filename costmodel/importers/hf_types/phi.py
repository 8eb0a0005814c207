"""Phi-1, Phi-1.5 and Phi-2: transformers' PhiConfig."""

from dataclasses import replace

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    final_norm="model.final_layernorm",
    out="self_attn.dense",
    q_norm="q_layernorm",
    k_norm="k_layernorm",
    up="mlp.fc1",
    act="mlp.activation_fn",
    down="mlp.fc2",
)


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Phi: attention and MLP read one layer norm, biases everywhere, half of a head turns."""
    depth = _decoder.layers(fields)
    qk_norm = "layer" if fields.flag("qk_layernorm", False) else ""
    model = _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias="qkvo", qk_norm=qk_norm),
        mlps=[_decoder.mlp(fields, default="gelu_new", bias=True, gated=False)] * depth,
        norm=Norm("layer", "parallel"),
        rotary=_decoder.rotary(fields, "partial_rotary_factor", 0.5),
        names=NAMES,
    )
    return replace(model, head_bias=True)
