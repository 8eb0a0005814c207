"""A language model of other depth and width: the factors of compound scaling on a decoder or an encoder."""

from dataclasses import replace

from costmodel.workload.language_model import Attention, Block, LanguageModel, LatentAttention, Mlp, Moe
from costmodel.zoo._scale import Factors


def scaled_language(model: LanguageModel, factors: Factors) -> LanguageModel:
    """Return the model with layers repeated or left out evenly, and more or fewer heads of the same size.

    Its width and its MLPs' grow with the heads; vocabulary, positions and experts stay as many. ValueError for latent
    attention and models with an encoder beside the decoder.
    """
    if model.encoder or any(isinstance(block.attention, LatentAttention) for block in model.blocks):
        raise ValueError(f"a decoder or encoder without latent attention can be scaled, got {model.name}")
    layers = factors.blocks(model.layers)
    blocks = tuple(_block(model.blocks[i * model.layers // layers], factors) for i in range(layers))
    width = factors.channels(model.embedding_width) if model.embedding_width else 0
    return replace(model, d_model=factors.channels(model.d_model), blocks=blocks, embedding_width=width)


def _block(block: Block, factors: Factors) -> Block:
    attention, mlp = block.attention, block.mlp
    assert isinstance(attention, Attention)
    kv_heads = factors.channels(attention.kv_heads, 1)
    wider = replace(attention, heads=kv_heads * attention.heads // attention.kv_heads, kv_heads=kv_heads)
    return Block(wider, _mlp(mlp, factors))


def _mlp(mlp: Mlp | Moe, factors: Factors) -> Mlp | Moe:
    if isinstance(mlp, Moe):
        shared = factors.channels(mlp.shared_d_ff) if mlp.shared_d_ff else 0
        return replace(mlp, d_ff=factors.channels(mlp.d_ff), shared_d_ff=shared)
    return replace(mlp, d_ff=factors.channels(mlp.d_ff))
