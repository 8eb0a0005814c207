"""Mistral 7B v0.1: Jiang et al., Mistral 7B, arXiv 2310.06825, table 1: every layer sees a window of 4096 tokens."""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.zoo._member import member

MODELS = {
    "mistral-7b": LanguageModel(
        "mistral-7b", 32_000, 4096, (Block(Attention(32, 8, 128, window=4096), Mlp(14336)),) * 32
    )
}


def mistral(name: str) -> LanguageModel:
    """Return a member by the part of its name after "mistral-", as in mistral("7b")."""
    return member("mistral", MODELS, name)
