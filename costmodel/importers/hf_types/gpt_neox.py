"""GPT-NeoX and Pythia: transformers' GPTNeoXConfig."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_types import _decoder
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    embedding="gpt_neox.embed_in",
    layers="gpt_neox.layers",
    final_norm="gpt_neox.final_layer_norm",
    attention="attention",
    qkv="attention.query_key_value",
    out="attention.dense",
    up="mlp.dense_h_to_4h",
    act="mlp.act",
    down="mlp.dense_4h_to_h",
)


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read a GPT-NeoX; where attention and MLP read the same input (`use_parallel_residual`), they cost the same.

    Every head has keys and values of its own, hidden_size / num_attention_heads wide: transformers reads neither
    `num_key_value_heads` nor `head_dim` for them.
    """
    depth = _decoder.layers(fields)
    fields.accept("use_parallel_residual", True, False)
    for key in ("rotary_emb_base", "num_key_value_heads", "head_dim"):
        fields.accept(key, fields.values.get(key))
    bias, heads = _decoder.biased(fields, default=True), fields.count("num_attention_heads")
    mlp = _decoder.mlp(fields, default="gelu", bias=True, gated=False)
    return _decoder.decoder(
        fields,
        name,
        attention=Attention(heads, heads, _decoder.shared_width(fields), bias=bias, fused=True),
        mlps=[mlp] * depth,
        norm=Norm("layer"),
        rotary=_decoder.rotary(fields, "rotary_pct", 0.25),
        names=NAMES,
    )
