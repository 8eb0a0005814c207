"""Granite with experts: transformers' GraniteMoeConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.importers.hf_types.granite import COSTLESS
from costmodel.workload.language_model import LanguageModel

MODULE = "block_sparse_moe"
"""What a layer's experts and their router are in."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a Granite with experts in every layer."""
    depth, bias = _decoder.layers(fields), _decoder.biased(fields)
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    moe = _decoder.all_experts(
        fields,
        experts=8,
        experts_per_token=2,
        key="num_local_experts",
        router=f"{MODULE}.router",
        module=MODULE,
    )
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias),
        mlps=[moe] * depth,
    )
