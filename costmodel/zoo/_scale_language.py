"""A language model of other depth and width: the factors of compound scaling on a decoder, an encoder, or both."""

from dataclasses import replace

from costmodel.workload.attention_shapes import Attention, DeltaNet, LatentAttention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, Conformer, Encoder, LanguageModel, TextEncoder
from costmodel.zoo._scale import Factors


def scaled_language(model: LanguageModel, factors: Factors) -> LanguageModel:
    """Return the model with layers repeated or left out evenly, and more or fewer heads of the same size.

    Its width, its MLPs' and the ranks of latent attention grow with the heads; vocabulary and experts stay as many. An
    encoder beside the decoder grows with it, in layers and heads. Tokens are pixels: a learned table of positions and
    an encoder's positions grow with the square of the resolution's factor.
    """
    encoder = None if model.encoder is None else _encoder(model.encoder, factors)
    width = factors.channels(model.d_model)
    if isinstance(encoder, Conformer) and isinstance(model.encoder, Conformer) and model.encoder.width == model.d_model:
        width = encoder.width
    return replace(
        model,
        d_model=width,
        blocks=_blocks(model.blocks, factors),
        positions=model.position_offset + _tokens(int(model.max_context), factors) if model.positions else 0,
        embedding_width=factors.channels(model.embedding_width) if model.embedding_width else 0,
        encoder=encoder,
    )


def _encoder(encoder: Encoder | TextEncoder | Conformer, factors: Factors) -> Encoder | TextEncoder | Conformer:
    positions = _tokens(encoder.positions, factors)
    if not isinstance(encoder, Conformer):
        return replace(encoder, blocks=_blocks(encoder.blocks, factors), positions=positions)
    layers, heads = factors.blocks(encoder.layers), factors.channels(encoder.heads, 1)
    last = encoder.names.final_norm.replace(f".{encoder.layers - 1}.", f".{layers - 1}.")
    return replace(
        encoder,
        layers=layers,
        width=heads * (encoder.width // encoder.heads),
        heads=heads,
        positions=positions,
        channels=factors.channels(encoder.channels),
        names=replace(encoder.names, final_norm=last),
    )


def _tokens(tokens: int, factors: Factors) -> int:
    """As many tokens as the pixels of an image of so many, two at least: one cached, and one that reads it."""
    return max(2, round(tokens * factors.resolution**2))


def _blocks(blocks: tuple[Block, ...], factors: Factors) -> tuple[Block, ...]:
    layers = factors.blocks(len(blocks))
    return tuple(_block(blocks[i * len(blocks) // layers], factors) for i in range(layers))


def _block(block: Block, factors: Factors) -> Block:
    return Block(_attention(block.attention, factors), _mlp(block.mlp, factors))


def _attention(
    attention: Attention | LatentAttention | DeltaNet, factors: Factors
) -> Attention | LatentAttention | DeltaNet:
    if isinstance(attention, DeltaNet):
        keys = factors.channels(attention.key_heads, 1)
        return replace(attention, heads=keys * attention.heads // attention.key_heads, key_heads=keys)
    if isinstance(attention, LatentAttention):
        queries = factors.channels(attention.q_lora_rank) if attention.q_lora_rank else 0
        keys = factors.channels(attention.kv_lora_rank)
        return replace(attention, heads=factors.channels(attention.heads, 1), q_lora_rank=queries, kv_lora_rank=keys)
    kv_heads = factors.channels(attention.kv_heads, 1)
    return replace(attention, heads=kv_heads * attention.heads // attention.kv_heads, kv_heads=kv_heads)


def _mlp(mlp: Mlp | Moe, factors: Factors) -> Mlp | Moe:
    if isinstance(mlp, Moe):
        shared = factors.channels(mlp.shared_d_ff) if mlp.shared_d_ff else 0
        return replace(mlp, d_ff=factors.channels(mlp.d_ff), shared_d_ff=shared)
    return replace(mlp, d_ff=factors.channels(mlp.d_ff))
