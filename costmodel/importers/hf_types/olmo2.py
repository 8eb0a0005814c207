"""OLMo 2: transformers' Olmo2Config."""

from collections.abc import Sequence

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import LanguageModel, Norm


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an OLMo 2: norms of what a sublayer gives, and of all heads' queries and keys together."""
    return with_windows(fields, name, [0] * _decoder.layers(fields))


def with_windows(
    fields: ConfigFields, name: str, windows: Sequence[int], mlp: Mlp | Moe | None = None
) -> LanguageModel:
    """Read one with a window a layer, and other MLPs where they are given."""
    bias = _decoder.biased(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, qk_norm="rms", qk_norm_whole=True),
        mlps=[mlp or _decoder.mlp(fields)] * len(windows),
        windows=windows,
        norm=Norm("rms", "output"),
    )
