"""Command R7B and Command A: transformers' Cohere2Config."""

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.cohere import NORM
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Command R7B: windows and rotary embedding in all but each fourth layer."""
    depth = _decoder.layers(fields)
    for key in ("logit_scale", "use_qk_norm", "order_of_interleaved_layers", "position_embedding_type", "rotary_pct"):
        fields.accept(key, fields.values.get(key))
    bias = _decoder.biased(fields)
    pattern = fields.count("sliding_window_pattern", 4, high=MAX_LAYERS)
    slides = [(i + 1) % pattern != 0 for i in range(depth)]
    size = fields.count("sliding_window", 4096, low=0)
    turned = _decoder.windows(fields, depth, size=1, default=slides)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias),
        mlps=[_decoder.mlp(fields)] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=slides),
        tied=True,
        norm=NORM,
        turned=[bool(each) for each in turned],
    )
