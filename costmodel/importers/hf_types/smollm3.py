"""SmolLM3: transformers' SmolLM3Config."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a SmolLM3: a Llama in which every fourth layer has no rotary embedding, and a window if windows are used."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    size = _decoder.window(fields) if fields.flag("use_sliding_window", False) else 0
    turned = _decoder.turned(fields, depth)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, bias=bias),
        mlps=[_decoder.mlp(fields, bias=fields.flag("mlp_bias", False))] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[not each for each in turned]),
        tied=True,
        turned=turned,
    )
