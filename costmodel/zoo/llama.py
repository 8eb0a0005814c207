"""Llama 2 and 3: Touvron et al., arXiv 2307.09288; Llama Team, arXiv 2407.21783."""

from costmodel.workload.language_model import Attention, Block, LanguageModel, Mlp

MODELS = {
    "llama-3.1-8b": LanguageModel(
        "llama-3.1-8b", 128256, 4096, (Block(Attention(32, 8, 128), Mlp(14336)),) * 32
    )
}


def llama(name: str) -> LanguageModel:
    """Return a member by the part of its name after "llama-"."""
    from costmodel.catalog import require

    return MODELS["llama-" + require("llama model", name, [m.removeprefix("llama-") for m in MODELS])]
