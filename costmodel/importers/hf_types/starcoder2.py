"""StarCoder2: transformers' Starcoder2Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(up="mlp.c_fc", act="mlp.act", down="mlp.c_proj")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a StarCoder2: grouped queries, layer norms, an MLP without a gate, biases unless `use_bias` is false."""
    depth, bias = _decoder.layers(fields), fields.flag("use_bias", True)
    mlp = _decoder.mlp(fields, default="gelu_pytorch_tanh", bias=bias, gated=False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=2, null_is_heads=False, bias="qkvo" if bias else ""),
        mlps=[mlp] * depth,
        windows=[_decoder.window(fields)] * depth,
        tied=True,
        norm=Norm("layer"),
        names=NAMES,
    )
