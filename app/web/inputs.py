"""What a page may name: models, devices and precisions that no request can turn into a path or a module."""

from functools import cache, lru_cache
from typing import Any

from app.web.state import State
from costmodel import hardware, models, zoo
from costmodel.catalog import require
from costmodel.hardware import Device
from costmodel.precision import precision
from costmodel.workload import Workload

KINDS = {"gpu": "GPUs", "fpga": "FPGAs", "cpu": "CPUs"}
FORMATS = (
    "int2", "int3", "int4", "int4_g128", "int5", "int6", "int8", "mxfp4", "mxfp6_e2m3", "mxfp8_e4m3", "fp8_e4m3",
    "bf16",
)  # fmt: skip
"""Formats that controls offer; any name of costmodel.formats is understood."""


@cache
def model_names() -> tuple[str, ...]:
    """Every network of the zoo, spelled zoo:NAME."""
    return tuple(f"zoo:{name}" for name in zoo.names())


@cache
def device_names() -> dict[str, list[str]]:
    """Known devices by kind: {"gpu": [...], "fpga": [...], "cpu": [...]}."""
    return {kind: hardware.names(kind) for kind in KINDS}


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


def precisions(text: str, name: str = "formats") -> list[str]:
    """Names of comma-separated precisions, each once; ValueError where there is none or one is unknown."""
    found = list(dict.fromkeys(precision(part).name for part in text.split(",") if part.strip()))
    if not found:
        raise ValueError(f"{name} must name at least one, as w4a16 or int4/bf16")
    return found


@lru_cache(maxsize=32)
def workload(spelling: str, batch: int = 1, context: int = 0, resolution: int = 0, phase: str = "") -> Workload:
    """A network's pass; 0 and "" leave what the network has."""
    shape: dict[str, Any] = {
        "batch": batch,
        "context": context or None,
        "resolution": resolution or None,
        "phase": phase,
    }
    return models.load(require_model(spelling), **shape)


def model_in(state: State, default: str) -> str:
    """The model that a link names, or the default."""
    return require_model(state.get("model", default))
