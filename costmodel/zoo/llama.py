"""Llama 2, 3, 3.1, 3.2 and 3.3.

Touvron et al., Llama 2, arXiv 2307.09288; Llama Team, The Llama 3 Herd of Models, arXiv 2407.21783. Shapes are those of
the models' config.json (huggingface.co/meta-llama/NAME) as Lightning-AI/litgpt's litgpt/config.py repeats them; that
Llama 3.2 shares its token table is in its config.json (tie_word_embeddings).
"""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.zoo._member import member

LLAMA_2 = 32_000
LLAMA_3 = 128_256


def _shape(
    name: str, vocab: int, d_model: int, layers: int, heads: int, kv_heads: int, d_ff: int, *, tied: bool = False
) -> LanguageModel:
    block = Block(Attention(heads, kv_heads, d_model // heads), Mlp(d_ff))
    return LanguageModel(name, vocab, d_model, (block,) * layers, tied=tied)


MODELS = {
    model.name: model
    for model in (
        _shape("llama-2-7b", LLAMA_2, 4096, 32, 32, 32, 11008),
        _shape("llama-2-13b", LLAMA_2, 5120, 40, 40, 40, 13824),
        _shape("llama-2-70b", LLAMA_2, 8192, 80, 64, 8, 28672),
        _shape("llama-3-8b", LLAMA_3, 4096, 32, 32, 8, 14336),
        _shape("llama-3-70b", LLAMA_3, 8192, 80, 64, 8, 28672),
        _shape("llama-3.1-8b", LLAMA_3, 4096, 32, 32, 8, 14336),
        _shape("llama-3.1-70b", LLAMA_3, 8192, 80, 64, 8, 28672),
        _shape("llama-3.1-405b", LLAMA_3, 16384, 126, 128, 8, 53248),
        _shape("llama-3.2-1b", LLAMA_3, 2048, 16, 32, 8, 8192, tied=True),
        _shape("llama-3.2-3b", LLAMA_3, 3072, 28, 24, 8, 8192, tied=True),
        _shape("llama-3.3-70b", LLAMA_3, 8192, 80, 64, 8, 28672),
    )
}


def llama(name: str) -> LanguageModel:
    """Return a member by the part of its name after "llama-", as in llama("3.1-8b")."""
    return member("llama", MODELS, name)
