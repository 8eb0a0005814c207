"""Look a member of a language family up by the part of its name after the family's."""

from collections.abc import Mapping

from costmodel.catalog import require
from costmodel.workload.language_model import LanguageModel


def member(family: str, models: Mapping[str, LanguageModel], name: str) -> LanguageModel:
    """Return a model by its full name or by what follows `family`; UnknownNameError lists near names."""
    short = {full.removeprefix(family).removeprefix("-"): full for full in models}
    return models[name] if name in models else models[short[require(f"{family} model", name, short)]]
