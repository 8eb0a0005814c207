"""BitNet b1.58: transformers' BitNetConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a BitNet: a Llama with a norm before the last projection of each sublayer, that squares its ReLU."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    mlp = _decoder.mlp(fields, default="relu2", inner_norm="mlp.ffn_sub_norm")
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=5, bias=bias, inner_norm="attn_sub_norm"),
        mlps=[mlp] * depth,
    )
