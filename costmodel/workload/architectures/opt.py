"""OPT."""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames

NAMES = ModuleNames(
    embedding="model.decoder.embed_tokens",
    positions="model.decoder.embed_positions",
    project_in="model.decoder.project_in",
    project_out="model.decoder.project_out",
    layers="model.decoder.layers",
    final_norm="model.decoder.final_layer_norm",
    out="self_attn.out_proj",
    attention_norm="self_attn_layer_norm",
    up="fc1",
    act="activation_fn",
    down="fc2",
    mlp_norm="final_layer_norm",
)

OFFSET = 2
"""Rows of OPT's position table before the first token's: OPTLearnedPositionalEmbedding in modeling_opt.py."""


def opt(
    name: str,
    *,
    d_model: int,
    layers: int,
    heads: int,
    d_ff: int,
    vocab: int = 50272,
    positions: int = 2048,
    embedding_width: int = 0,
    pre_norm: bool = True,
    affine: bool = True,
    final_norm: bool = True,
    bias: bool = True,
    function: str = "relu",
    tied: bool = True,
) -> LanguageModel:
    """Return an OPT for contexts up to `positions`: layer norms, learned positions, biases everywhere.

    Zhang et al., arXiv 2205.01068, section 2.1; transformers' modeling_opt.py. `pre_norm` is false for OPT-350m, which
    has no final norm either.
    """
    attention = Attention(heads, heads, d_model // heads, bias="qkvo" if bias else "")
    return LanguageModel(
        name,
        vocab,
        d_model,
        (Block(attention, Mlp(d_ff, function, gated=False, bias=bias)),) * layers,
        norm=Norm("layer", "pre" if pre_norm else "post", affine),
        positions=positions + OFFSET,
        position_offset=OFFSET,
        rotary=0.0,
        embedding_width=0 if embedding_width == d_model else embedding_width,
        final_norm=pre_norm and final_norm,
        tied=tied,
        names=NAMES,
    )
