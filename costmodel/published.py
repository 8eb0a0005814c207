"""The published numbers that the project knows: every module's CLAIMS, and the systems in a module's UNCLAIMED."""

import importlib
import pkgutil
from collections import Counter
from types import ModuleType

import costmodel
from costmodel.claim import Claim, NoFigure

HOLDERS = ("strategies", "quality", "zoo", "estimators", "workload")
"""Packages of costmodel in which a formula and its claims share a file."""


def claims() -> tuple[Claim, ...]:
    """Return the claims of every module that has them, by system and in their file's order.

    ValueError where two claims share system and id, or system and quantity: a row says what it is of.
    """
    found = [claim for module in _modules(costmodel) for claim in vars(module).get("CLAIMS", ())]
    keys = [(claim.system, key) for claim in found for key in {claim.id, claim.quantity}]
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ValueError(f"a claim is there twice: {' '.join(twice[0])}")
    return tuple(sorted(found, key=lambda claim: claim.system))


def unclaimed(*packages: ModuleType) -> tuple[NoFigure, ...]:
    """Return the systems by name of which no figure of cost could be read: those of costmodel and other packages."""
    found = [s for package in (costmodel, *packages) for m in _modules(package) for s in vars(m).get("UNCLAIMED", ())]
    return tuple(sorted(found, key=lambda system: system.system))


def _modules(package: ModuleType) -> list[ModuleType]:
    prefix = f"{package.__name__}."
    own = tuple(f"{prefix}{holder}." for holder in HOLDERS) if package is costmodel else (prefix,)
    walked = (module.name for module in pkgutil.walk_packages(package.__path__, prefix))
    return [importlib.import_module(name) for name in sorted(walked) if name.startswith(own)]
