"""The published numbers that the project knows: every module's CLAIMS."""

import importlib
import pkgutil
from collections import Counter

import costmodel
from costmodel.claim import Claim, NoFigure


def claims() -> tuple[Claim, ...]:
    """Return the claims of every module that has them, by system and in their file's order.

    ValueError where two claims share system and id.
    """
    found = [claim for name in _modules() for claim in vars(importlib.import_module(name)).get("CLAIMS", ())]
    twice = [key for key, count in Counter((claim.system, claim.id) for claim in found).items() if count > 1]
    if twice:
        raise ValueError(f"a claim is there twice: {' '.join(twice[0])}")
    return tuple(sorted(found, key=lambda claim: claim.system))


UNCLAIMED = (
    NoFigure("Best of N and self-consistency", "many samples an answer, of which a verifier or a vote keeps one",
             "Cobbe et al., arXiv 2110.14168; Wang et al., arXiv 2203.11171; not read for figures"),
    NoFigure("EControl", "gradients compressed with their error controlled", "Gao, Islamov, Stich, arXiv 2311.05645, "
             "abstract"),
    NoFigure("EdgeMoE", "experts in widths of their own, cached and preloaded", "Yi et al., arXiv 2308.14352, "
             "abstract"),
    NoFigure("FP8 back again", "training with exponents and mantissas cut short, and its stability",
             "Lee et al., arXiv 2405.18710, abstract"),
    NoFigure("ZeroQuant-FP", "W4A8 in floating point, scales that are powers of two", "arXiv 2307.09782, abstract"),
)  # fmt: skip
"""Systems modelled here of which no figure of cost could be read; they have no claim."""

HOLDERS = (
    "costmodel.strategies.",
    "costmodel.quality.",
    "costmodel.zoo.",
    "costmodel.estimators.",
    "costmodel.workload.",
)
"""Packages in which a formula and its claims share a file."""


def _modules() -> list[str]:
    walked = (module.name for module in pkgutil.walk_packages(costmodel.__path__, "costmodel."))
    return sorted(name for name in walked if name.startswith(HOLDERS))
