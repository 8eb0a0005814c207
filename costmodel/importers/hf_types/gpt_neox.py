"""GPT-NeoX and Pythia: transformers' GPTNeoXConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import GPT_NEOX


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GPT-NeoX; where attention and MLP read the same input (`use_parallel_residual`), they cost the same."""
    depth = _decoder.layers(fields)
    fields.accept("use_parallel_residual", True, False)
    fields.accept("rotary_emb_base", fields.values.get("rotary_emb_base"))
    bias = "qkvo" if fields.flag("attention_bias", True) else ""
    mlp = _decoder.mlp(fields, default="gelu", bias=True, gated=False)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(fields, kv_heads=0, bias=bias, fused=True),
        mlps=[mlp] * depth,
        windows=[0] * depth,
        norm=Norm("layer"),
        rotary=_decoder.rotary(fields, "rotary_pct", 0.25),
        names=GPT_NEOX,
    )
