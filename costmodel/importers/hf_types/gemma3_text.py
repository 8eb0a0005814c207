"""Gemma 3 for text alone: transformers' Gemma3TextConfig."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder, gemma2
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Gemma 3: norms around each sublayer and over heads, windows but in every sixth layer."""
    fields = fields.named(sliding_window_pattern="sliding_window_pattern _sliding_window_pattern")
    depth = _decoder.layers(fields)
    bias = _decoder.biased(fields)
    size = fields.count("sliding_window", 4096, low=0)
    pattern = fields.count("sliding_window_pattern", 6, high=MAX_LAYERS)
    fields.accept("rope_local_base_freq", fields.values.get("rope_local_base_freq"))
    fields.accept("hidden_act", fields.values.get("hidden_activation"))
    attention = _decoder.attention(fields, kv_heads=4, null_is_heads=False, head_dim=256, bias=bias, qk_norm="rms")
    return _decoder.decoder(
        fields,
        name,
        attention=attention,
        mlps=[_decoder.mlp(fields, key="hidden_activation", default="gelu_pytorch_tanh")] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[(i + 1) % pattern != 0 for i in range(depth)]),
        tied=True,
        norm=Norm("rms", "sandwich"),
        names=gemma2.NAMES,
    )
