"""EXAONE 4: transformers' Exaone4Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an EXAONE 4: norms of what sublayers give; where it has windows, other layers have no rotary embedding."""
    depth = _decoder.layers(fields)
    size = fields.count("sliding_window", 0, low=0) if "sliding_window" in fields.values else 4096
    pattern = fields.values.get("sliding_window_pattern")
    step = len(pattern) if isinstance(pattern, str) and pattern else 4
    fields.accept("sliding_window_pattern", pattern)
    if not isinstance(pattern, str):
        step = fields.count("sliding_window_pattern", 4, low=0, high=MAX_LAYERS)
    slides = [bool(size and step and (i + 1) % step) for i in range(depth)]
    turned = _decoder.windows(fields, depth, size=1, default=slides)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=32, null_is_heads=False, qk_norm="rms"),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=slides),
        norm=Norm("rms", "output"),
        turned=[not size or bool(each) for each in turned],
    )
