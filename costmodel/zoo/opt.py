"""OPT: Zhang et al., OPT: Open Pre-trained Transformer Language Models, arXiv 2205.01068, table 1.

Vocabulary and positions are transformers' OPTConfig's; the 350m model's narrower token table (512) and its norms after
the sublayers are of its config.json (word_embed_proj_dim, do_layer_norm_before).
"""

from costmodel.workload.architectures.opt import opt as shape
from costmodel.workload.language_model import LanguageModel
from costmodel.zoo._member import member

MODELS = {
    f"opt-{size}": shape(f"opt-{size}", layers=layers, d_model=d_model, heads=heads, d_ff=4 * d_model)
    for size, layers, d_model, heads in (
        ("125m", 12, 768, 12),
        ("1.3b", 24, 2048, 32),
        ("2.7b", 32, 2560, 32),
        ("6.7b", 32, 4096, 32),
        ("13b", 40, 5120, 40),
        ("30b", 48, 7168, 56),
        ("66b", 64, 9216, 72),
        ("175b", 96, 12288, 96),
    )
} | {"opt-350m": shape("opt-350m", layers=24, d_model=1024, heads=16, d_ff=4096, embedding_width=512, pre_norm=False)}


def opt(name: str) -> LanguageModel:
    """Return a member by the part of its name after "opt-", as in opt("6.7b")."""
    return member("opt", MODELS, name)
