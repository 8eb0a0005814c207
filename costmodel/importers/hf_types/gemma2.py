"""Gemma 2: transformers' Gemma2Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(mlp_norm="pre_feedforward_layernorm")


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Gemma 2: norms around each sublayer, a window in every other layer from the first on.

    The tanh that caps attention scores and logits (`attn_logit_softcapping`, `final_logit_softcapping`) is uncounted.
    """
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    size = fields.count("sliding_window", 4096, low=0)
    fields.accept("hidden_act", fields.values.get("hidden_activation"))
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, null_is_heads=False, head_dim=256, bias=bias),
        mlps=[_decoder.mlp(fields, key="hidden_activation", default="gelu_pytorch_tanh")] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[i % 2 == 0 for i in range(depth)]),
        tied=True,
        norm=Norm("rms", "sandwich"),
        names=NAMES,
    )
