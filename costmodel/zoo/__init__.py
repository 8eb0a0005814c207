"""Networks by name: one family a file, whose function of the same name builds its members.

A vision family has `MODELS`, the names it knows (timm's), and a function (name, *, batch, resolution) -> Workload.
A language family's `MODELS` maps names to `LanguageModel` records and its function takes the part after the family's
name, as in llama("3.1-8b"). Families are imported when asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from costmodel import catalog
from costmodel.catalog import UnknownNameError
from costmodel.workload import Workload
from costmodel.workload.serving import LanguageModel, passes

LARGEST = {"batch": 10**9, "resolution": 10**5, "context": 10**9}
"""Sizes beyond these are taken for slips of the keyboard."""


class _Package(ModuleType):
    """A package where a family's name is its function, as which imports of the family's module would else bind it."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, getattr(value, name, value) if isinstance(value, ModuleType) else value)


_PACKAGE = sys.modules[__name__]
_PACKAGE.__class__ = _Package
_FAMILIES = catalog.module_names(_PACKAGE)


def __getattr__(name: str) -> Any:
    if name not in _FAMILIES:
        raise AttributeError(f"no family {name!r} in the zoo; it has {', '.join(_FAMILIES)}")
    return getattr(_module(name), name)


def names() -> list[str]:
    """Every network's name."""
    return sorted(model for module in families() for model in module.MODELS)


def families() -> tuple[ModuleType, ...]:
    """The families' modules, each with `MODELS`; those of vision networks have `scaled` too."""
    return tuple(map(_module, _FAMILIES))


def build(
    name: str, *, batch: int = 1, resolution: int | None = None, context: int | None = None, phase: str = ""
) -> Workload:
    """Build a network's pass by name.

    `resolution` is for vision networks (theirs where None), `context` and `phase` for language models, which decode one
    token after a context of 1024 unless told otherwise. ValueError where an argument does not apply.
    """
    require_sizes(batch=batch, resolution=resolution, context=context)
    family, found = _family(name), language_model(name)
    if found is not None:
        if resolution is not None:
            raise ValueError(f"{name} is a language model and takes no resolution, got {resolution}")
        return passes(found, batch=batch, context=context, phase=phase)
    if context is not None:
        raise ValueError(f"{name} is a vision network and takes no context, got {context}")
    builder = getattr(_module(family), family)
    workload = builder(name, batch=batch) if resolution is None else builder(name, batch=batch, resolution=resolution)
    if phase not in ("", "forward", "training"):
        raise ValueError(f"{name} is a vision network: its phase is forward or training, got {phase!r}")
    if phase == "training":
        from costmodel.workload.training import training

        return training(workload)
    assert isinstance(workload, Workload)
    return workload


def language_model(name: str) -> LanguageModel | None:
    """The record of a language model by name, None for a vision network; UnknownNameError lists near names."""
    members = _module(_family(name)).MODELS
    found = members[name] if isinstance(members, dict) else None
    return found if isinstance(found, LanguageModel) else None


def _family(name: str) -> str:
    """The family of a network: one that its name starts with is asked first."""
    for family in sorted(_FAMILIES, key=lambda family: not name.startswith(family)):
        if name in _module(family).MODELS:
            return family
    raise UnknownNameError("model", name, names())


def _module(family: str) -> ModuleType:
    return import_module(f"{__name__}.{family}")


def require_sizes(**sizes: int | None) -> None:
    """Refuse what no pass can have; resolution and context have bounds of their own below, by model."""
    for argument, value in sizes.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
            raise ValueError(f"{argument} must be an integer, got {value!r}")
        if value is not None and value > LARGEST[argument]:
            raise ValueError(f"{argument} must be at most {LARGEST[argument]}, got {value}")
    if sizes["batch"] is not None and sizes["batch"] < 1:
        raise ValueError(f"batch must be at least 1, got {sizes['batch']}")
