"""T5."""

from dataclasses import replace

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel, Norm, TextEncoder
from costmodel.workload.module_names import ModuleNames

ENCODER_NAMES = ModuleNames(
    embedding="encoder.embed_tokens",
    layers="encoder.block",
    final_norm="encoder.final_layer_norm",
    attention="layer.0.SelfAttention",
    q="layer.0.SelfAttention.q",
    k="layer.0.SelfAttention.k",
    v="layer.0.SelfAttention.v",
    out="layer.0.SelfAttention.o",
    attention_norm="layer.0.layer_norm",
    distances="encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
    gate="layer.1.DenseReluDense.wi_0",
    up="layer.1.DenseReluDense.wi_1",
    act="layer.1.DenseReluDense.act",
    down="layer.1.DenseReluDense.wo",
    mlp_norm="layer.1.layer_norm",
)

NAMES = replace(
    ENCODER_NAMES,
    embedding="shared",
    layers="decoder.block",
    final_norm="decoder.final_layer_norm",
    distances="decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
    cross="layer.1.EncDecAttention",
    cross_norm="layer.1.layer_norm",
    gate="layer.2.DenseReluDense.wi_0",
    up="layer.2.DenseReluDense.wi_1",
    act="layer.2.DenseReluDense.act",
    down="layer.2.DenseReluDense.wo",
    mlp_norm="layer.2.layer_norm",
)


def t5(
    name: str,
    *,
    d_model: int,
    encoder_layers: int,
    decoder_layers: int,
    heads: int,
    head_dim: int,
    d_ff: int,
    vocab: int,
    buckets: int = 32,
    source_positions: int = 512,
    function: str = "relu",
    gated: bool = False,
    tied: bool = True,
) -> LanguageModel:
    """Return a T5: an encoder of `source_positions` tokens, a decoder with cross-attention, scores by distance.

    Raffel et al., arXiv 1910.10683, section 2.1. Scores have the term of their distance added instead of a scale, which
    costs as much; no linear layer or norm adds a bias.
    """

    def named(names: ModuleNames) -> ModuleNames:
        return names if gated else replace(names, up=names.up.replace("wi_1", "wi"))

    block = Block(Attention(heads, heads, head_dim), Mlp(d_ff, function, gated=gated))
    return LanguageModel(
        name,
        vocab,
        d_model,
        (block,) * decoder_layers,
        norm=Norm("rms"),
        rotary=0.0,
        relative_buckets=buckets,
        tied=tied,
        encoder=TextEncoder((block,) * encoder_layers, source_positions, named(ENCODER_NAMES)),
        names=named(NAMES),
    )
