"""Mixtral 8x7B and 8x22B: Jiang et al., Mixtral of Experts, arXiv 2401.04088, table 1.

8x22B is not in the paper: its shape is that of huggingface.co/mistralai/Mixtral-8x22B-v0.1's config.json as
Lightning-AI/litgpt's litgpt/config.py repeats it, with the base model's vocabulary of 32000 (the instruct model's is
32768), which gives the 140,620,634,112 parameters of its checkpoint.
"""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Moe
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.zoo._member import member


def _shape(name: str, d_model: int, layers: int, heads: int, d_ff: int) -> LanguageModel:
    block = Block(Attention(heads, 8, 128), Moe(experts=8, experts_per_token=2, d_ff=d_ff))
    return LanguageModel(name, 32_000, d_model, (block,) * layers)


MODELS = {
    "mixtral-8x7b": _shape("mixtral-8x7b", 4096, 32, 32, 14336),
    "mixtral-8x22b": _shape("mixtral-8x22b", 6144, 56, 48, 16384),
}


def mixtral(name: str) -> LanguageModel:
    """Return a member by the part of its name after "mixtral-", as in mixtral("8x7b")."""
    return member("mixtral", MODELS, name)
