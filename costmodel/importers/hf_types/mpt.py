"""MPT: transformers' MptConfig."""

from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.importers.hf_types import _decoder
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    embedding="transformer.wte",
    layers="transformer.blocks",
    final_norm="transformer.norm_f",
    attention="attn",
    qkv="attn.Wqkv",
    out="attn.out_proj",
    attention_norm="norm_1",
    up="ffn.up_proj",
    act="ffn.act",
    down="ffn.down_proj",
    mlp_norm="norm_2",
)

COSTLESS = (
    "attn_config",
    "embedding_fraction",
    "init_device",
    "learned_pos_emb",
    "max_seq_len",
    "norm_type",
)
"""Keys that transformers does not read, or that choose among equally dear ways."""


def language_model(fields: ConfigFields, name: str) -> LanguageModel:
    """Read an MPT: scores by distance, no biases, an MLP four times as wide; queries and keys cut off are uncounted."""
    fields = fields.named(hidden_size="d_model", num_hidden_layers="n_layers", num_attention_heads="n_heads")
    for key in COSTLESS:
        fields.accept(key, fields.values.get(key))
    fields.accept("expansion_ratio", 4)
    fields.accept("no_bias", True)
    inner = fields.values.get("attn_config")
    clip = inner.get("clip_qkv") if isinstance(inner, dict) else None
    depth = _decoder.layers(fields)
    return _decoder.decoder(
        fields,
        name,
        attention=_decoder.attention(
            fields, kv_heads=0, head_dim=_decoder.shared_width(fields), fused=True, alibi=True
        ),
        mlps=[Mlp(4 * fields.count("hidden_size"), "gelu", gated=False)] * depth,
        tied=True,
        norm=Norm("layer", shifts=False),
        rotary=0.0,
        names=NAMES,
        uncounted=() if clip is None else (f"clip_qkv={shortened(clip)}",),
    )
