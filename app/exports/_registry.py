"""The targets: every public module of this folder."""

from types import ModuleType

from costmodel import catalog


def targets() -> dict[str, ModuleType]:
    """The modules by the names that a command line takes, llm-compressor for llm_compressor."""
    from app import exports

    return {name.replace("_", "-"): module for name, module in catalog.modules(exports).items()}


def target(name: str) -> ModuleType:
    """The module of that target, with - or _; UnknownNameError lists near names."""
    found = targets()
    return found[catalog.require("export target", name.strip().lower().replace("_", "-"), found)]


def summaries() -> dict[str, str]:
    """The first line of each target's description."""
    return {name: (module.__doc__ or "").split("\n", 1)[0].rstrip(".") for name, module in targets().items()}
