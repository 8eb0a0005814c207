"""Code World Model: transformers' CwmConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a CWM: a Llama with windows in all but each fourth layer, the first among these."""
    depth = _decoder.layers(fields)
    size = fields.count("sliding_window", 8192, low=0)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=8, null_is_heads=False, head_dim=128),
        mlps=[_decoder.mlp(fields, bias=fields.flag("mlp_bias", False))] * depth,
        windows=_decoder.windows(fields, depth, size=size, default=[i % 4 != 0 for i in range(depth)]),
    )
