"""SmolLM3: transformers' SmolLM3Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a SmolLM3: a Llama in which every fourth layer has no rotary embedding, and a window if windows are used."""
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    size = _decoder.window(fields) if fields.flag("use_sliding_window", False) else 0
    turned = _turned(fields, depth)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=4, bias=bias),
        mlps=[_decoder.mlp(fields, bias=fields.flag("mlp_bias", False))] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[not each for each in turned]),
        tied=True,
        turned=turned,
    )


def _turned(fields: ConfigFields, depth: int) -> list[bool]:
    """Which layers have a rotary embedding: 1 in the file's list, all but each fourth where it has none."""
    interval = fields.count("no_rope_layer_interval", 4, high=MAX_LAYERS)
    listed = fields.value("no_rope_layers")
    fields.used.add("no_rope_layers")
    if listed is None:
        return [(i + 1) % interval != 0 for i in range(depth)]
    if not isinstance(listed, list) or len(listed) < depth or any(each not in (0, 1) for each in listed):
        fields.reject("no_rope_layers", f"a list of {depth} zeros and ones")
    return [bool(each) for each in listed[:depth]]
