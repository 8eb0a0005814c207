"""GPT-2 and GPT-3.

GPT-2: Radford et al., Language Models are Unsupervised Multitask Learners, 2019, table 2, with heads as in Karpathy's
nanoGPT (model.py). GPT-3: Brown et al., arXiv 2005.14165, table 2.1; XL has 16 heads here, since the 24 of 128 printed
beside a width of 2048 would make it 1.5e9 parameters and not the printed 1.3e9. Half of GPT-3's layers attend to a band
whose width is not published: all are counted as full.
"""

from costmodel.workload.architectures.gpt2 import gpt2
from costmodel.workload.language_model import LanguageModel
from costmodel.zoo._member import member

MODELS = {
    name: gpt2(name, layers=layers, d_model=d_model, heads=heads)
    for name, layers, d_model, heads in (
        ("gpt2", 12, 768, 12),
        ("gpt2-medium", 24, 1024, 16),
        ("gpt2-large", 36, 1280, 20),
        ("gpt2-xl", 48, 1600, 25),
    )
} | {
    f"gpt3-{size}": gpt2(f"gpt3-{size}", layers=layers, d_model=d_model, heads=heads, head_dim=head_dim, positions=2048)
    for size, layers, d_model, heads, head_dim in (
        ("125m", 12, 768, 12, 64),
        ("350m", 24, 1024, 16, 64),
        ("760m", 24, 1536, 16, 96),
        ("1.3b", 24, 2048, 16, 128),
        ("2.7b", 32, 2560, 32, 80),
        ("6.7b", 32, 4096, 32, 128),
        ("13b", 40, 5140, 40, 128),
        ("175b", 96, 12288, 96, 128),
    )
}


def gpt(name: str) -> LanguageModel:
    """Return a member by the part of its name after "gpt", as in gpt("2-xl") or gpt("3-175b")."""
    return member("gpt", MODELS, name)
