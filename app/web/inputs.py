"""What a page may name: models, devices and precisions that no request can turn into a path or a module."""

import re
from functools import cache

from costmodel import hardware, zoo
from costmodel.catalog import require
from costmodel.hardware import Device
from costmodel.precision import precision
from costmodel.strategies import examples, strategy

KINDS = {"gpu": "GPUs", "fpga": "FPGAs", "cpu": "CPUs"}


@cache
def model_names() -> tuple[str, ...]:
    """Every network of the zoo, spelled zoo:NAME."""
    return tuple(f"zoo:{name}" for name in zoo.names())


@cache
def device_names() -> dict[str, list[str]]:
    """Known devices by kind: {"gpu": [...], "fpga": [...], "cpu": [...]}."""
    return {kind: hardware.names(kind) for kind in KINDS}


@cache
def strategies() -> tuple[str, ...]:
    """Spellings that controls offer: none, and an example of each strategy."""
    return examples()


def kind_of(name: str) -> str:
    """Whether a device is a gpu, an fpga or a cpu; UnknownNameError lists near names."""
    kinds = {known: kind for kind, names in device_names().items() for known in names}
    return kinds[require("device", name, kinds)]


def device(name: str) -> Device:
    """A known device; a path is none."""
    kind_of(name)
    return hardware.device(name)


def require_model(spelling: str) -> str:
    """Return a spelling of the zoo; UnknownNameError otherwise, as other schemes read files or import modules."""
    return require("model", spelling, model_names())


def is_language(spelling: str) -> bool:
    """Whether a network of the zoo is a language model, which has phases and a context."""
    return zoo.language_model(require_model(spelling).partition(":")[2]) is not None


def require_strategy(spelling: str) -> None:
    """ValueError for what spells no strategy, and for a field that names a file, before it is read."""
    keys = [part.partition("=")[0].strip() for part in re.split(r"[:,+]", spelling)]
    if "trace" in keys:
        raise ValueError(f"a page reads no files: sweep {spelling!r} with bitfront explore, or list its numbers")
    strategy(spelling)


def precisions(text: str) -> list[str]:
    """Names of comma-separated precisions, each once; ValueError where there is none or one is unknown."""
    found = list(dict.fromkeys(precision(part).name for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError("choose at least one, as w4a16 or int4/bf16")
    return found
