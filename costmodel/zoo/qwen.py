"""Qwen2.5 and Qwen3, dense and mixture-of-experts.

Qwen Team, Qwen2.5 Technical Report, arXiv 2412.15115; Qwen3 Technical Report, arXiv 2505.09388. Shapes are those of the
models' config.json (huggingface.co/Qwen/NAME) as Lightning-AI/litgpt's litgpt/config.py repeats them. Models up to 4B
share their token table with the head: the checkpoints of 2.5-0.5B and 3-4B have 494,032,768 and 4,022,468,096
parameters.
"""

from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.zoo._member import member

SMALL, LARGE = 151_936, 152_064
"""The vocabulary padded for training: Qwen2.5 up to 3B and all Qwen3, Qwen2.5 from 7B on."""


def _qwen2(
    size: str, vocab: int, d_model: int, layers: int, heads: int, kv_heads: int, d_ff: int, *, tied: bool = False
) -> LanguageModel:
    attention = Attention(heads, kv_heads, d_model // heads, bias="qkv")
    return LanguageModel(f"qwen2.5-{size}", vocab, d_model, (Block(attention, Mlp(d_ff)),) * layers, tied=tied)


def _qwen3(
    size: str, d_model: int, layers: int, heads: int, kv_heads: int, mlp: Mlp | Moe, *, tied: bool = False
) -> LanguageModel:
    attention = Attention(heads, kv_heads, 128, qk_norm="rms")
    return LanguageModel(f"qwen3-{size}", SMALL, d_model, (Block(attention, mlp),) * layers, tied=tied)


MODELS = {
    model.name: model
    for model in (
        _qwen2("0.5b", SMALL, 896, 24, 14, 2, 4864, tied=True),
        _qwen2("1.5b", SMALL, 1536, 28, 12, 2, 8960, tied=True),
        _qwen2("3b", SMALL, 2048, 36, 16, 2, 11008, tied=True),
        _qwen2("7b", LARGE, 3584, 28, 28, 4, 18944),
        _qwen2("14b", LARGE, 5120, 48, 40, 8, 13824),
        _qwen2("32b", LARGE, 5120, 64, 40, 8, 27648),
        _qwen2("72b", LARGE, 8192, 80, 64, 8, 29568),
        _qwen3("0.6b", 1024, 28, 16, 8, Mlp(3072), tied=True),
        _qwen3("1.7b", 2048, 28, 16, 8, Mlp(6144), tied=True),
        _qwen3("4b", 2560, 36, 32, 8, Mlp(9728), tied=True),
        _qwen3("8b", 4096, 36, 32, 8, Mlp(12288)),
        _qwen3("14b", 5120, 40, 40, 8, Mlp(17408)),
        _qwen3("32b", 5120, 64, 64, 8, Mlp(25600)),
        _qwen3("30b-a3b", 2048, 48, 32, 4, Moe(128, 8, 768)),
        _qwen3("235b-a22b", 4096, 94, 64, 4, Moe(128, 8, 1536)),
    )
}


def qwen(name: str) -> LanguageModel:
    """Return a member by the part of its name after "qwen", as in qwen("3-30b-a3b")."""
    return member("qwen", MODELS, name)
