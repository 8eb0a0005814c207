"""Modules that run another one: torch.compile's, DataParallel and DistributedDataParallel."""

from typing import Any

COMPILED, PARALLEL = "OptimizedModule", ("DataParallel", "DistributedDataParallel")


def inner(module: Any) -> Any:
    """The module that wrappers around it run, itself where there is none."""
    while (key := _key(module)) in vars(module).get("_modules", {}):
        module = vars(module)["_modules"][key]
    return module


def bare(module: Any) -> Any:
    """The same with no wrapper within it either, which changes it in place."""
    module = inner(module)
    for part in list(module.modules()):
        for name, child in vars(part)["_modules"].items():
            if child is not None and inner(child) is not child:
                setattr(part, name, bare(child))
    return module


def _key(module: Any) -> str:
    kind = type(module).__name__
    return "_orig_mod" if kind == COMPILED else "module" if kind in PARALLEL else ""
