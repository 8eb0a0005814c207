"""T5."""

from dataclasses import replace

from costmodel.workload.language_model import Attention, Block, LanguageModel, Mlp, Norm, TextEncoder
from costmodel.workload.module_names import T5, T5_ENCODER, ModuleNames


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
        encoder=TextEncoder((block,) * encoder_layers, source_positions, named(T5_ENCODER)),
        names=named(T5),
    )
