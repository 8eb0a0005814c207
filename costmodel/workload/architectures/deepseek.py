"""DeepSeek-V2 and V3."""

from costmodel.workload.attention_shapes import LatentAttention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel


def deepseek(
    name: str,
    *,
    vocab: int,
    d_model: int,
    layers: int,
    dense_layers: int,
    attention: LatentAttention,
    mlp: Mlp,
    moe: Moe,
    tied: bool = False,
    uncounted: tuple[str, ...] = (),
) -> LanguageModel:
    """Return a DeepSeek: latent attention, an MLP in the first `dense_layers` layers and experts in the others.

    DeepSeek-AI, DeepSeek-V2, arXiv 2405.04434, section 2; DeepSeek-V3, arXiv 2412.19437, section 2.1.
    """
    if not 0 <= dense_layers <= layers:
        raise ValueError(f"dense_layers must be within 0..layers, got {dense_layers=}, {layers=}")
    blocks = (Block(attention, mlp),) * dense_layers + (Block(attention, moe),) * (layers - dense_layers)
    return LanguageModel(name, vocab, d_model, blocks, tied=tied, uncounted=uncounted)
