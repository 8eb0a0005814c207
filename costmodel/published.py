"""The published numbers that the project knows: every module's CLAIMS."""

import importlib
import pkgutil
from collections import Counter

import costmodel
from costmodel.claim import Claim


def claims() -> tuple[Claim, ...]:
    """Return the claims of every module that has them, by system and in their file's order.

    ValueError where two claims share system and id.
    """
    found = [claim for name in _modules() for claim in vars(importlib.import_module(name)).get("CLAIMS", ())]
    twice = [key for key, count in Counter((claim.system, claim.id) for claim in found).items() if count > 1]
    if twice:
        raise ValueError(f"a claim is there twice: {' '.join(twice[0])}")
    return tuple(sorted(found, key=lambda claim: claim.system))


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
