"""Whisper."""

from dataclasses import replace

from costmodel.workload.architectures import opt
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, Encoder, LanguageModel, Norm

NAMES = replace(opt.NAMES, final_norm="model.decoder.layer_norm", head="proj_out")

ENCODER_NAMES = replace(
    NAMES,
    positions="model.encoder.embed_positions",
    layers="model.encoder.layers",
    final_norm="model.encoder.layer_norm",
)


def whisper(
    name: str,
    *,
    d_model: int,
    encoder_layers: int,
    encoder_heads: int,
    encoder_d_ff: int,
    decoder_layers: int,
    decoder_heads: int,
    decoder_d_ff: int,
    vocab: int,
    mel_bins: int = 80,
    source_positions: int = 1500,
    target_positions: int = 448,
    function: str = "gelu",
    tied: bool = True,
) -> LanguageModel:
    """Return a Whisper: audio encoder of `source_positions` outputs, decoder with cross-attention.

    Radford et al., arXiv 2212.04356, section 2.2; key projections have no bias: transformers' modeling_whisper.py.
    """

    def blocks(layers: int, heads: int, d_ff: int) -> tuple[Block, ...]:
        attention = Attention(heads, heads, d_model // heads, bias="qvo")
        return (Block(attention, Mlp(d_ff, function, gated=False, bias=True)),) * layers

    encoder = Encoder(blocks(encoder_layers, encoder_heads, encoder_d_ff), mel_bins, source_positions, ENCODER_NAMES)
    return LanguageModel(
        name,
        vocab,
        d_model,
        blocks(decoder_layers, decoder_heads, decoder_d_ff),
        norm=Norm("layer"),
        positions=target_positions,
        rotary=0.0,
        tied=tied,
        encoder=encoder,
        names=NAMES,
    )
