"""Command R: transformers' CohereConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm

NORM = Norm("layer", "parallel", shifts=False)


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Command R: attention and MLP read one layer norm; norms of queries and keys have weights a head."""
    depth = _decoder.layers(fields)
    fields.accept("logit_scale", fields.values.get("logit_scale"))
    bias = _decoder.biased(fields)
    qk_norm = "layer" if fields.flag("use_qk_norm", False) else ""
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, qk_norm=qk_norm, qk_norm_whole=True),
        mlps=[_decoder.mlp(fields)] * depth,
        tied=True,
        norm=NORM,
    )
