"""bitfront's analytic models: what a network costs on a device at a precision."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from costmodel import formats, hardware
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.evaluate import grid
from costmodel.hardware import Cpu, Fpga, Gpu, cpu, device, fpga, gpu
from costmodel.precision import W4A4, W4A8, W4A16, W8A8, W8A16, W16A16, W32A32, Precision, precision
from costmodel.record import mesh, stack, unstack
from costmodel.workload import Op, Workload
from costmodel.workload.serving import decode, encode, prefill
from costmodel.workload.training import training

if TYPE_CHECKING:
    from costmodel import strategies, zoo

__all__ = [
    "W4A4",
    "W4A8",
    "W4A16",
    "W8A8",
    "W8A16",
    "W16A16",
    "W32A32",
    "Cpu",
    "Estimate",
    "Fpga",
    "Gpu",
    "Op",
    "Precision",
    "Workload",
    "cpu",
    "decode",
    "device",
    "encode",
    "estimate",
    "formats",
    "fpga",
    "gpu",
    "grid",
    "hardware",
    "mesh",
    "precision",
    "prefill",
    "stack",
    "strategies",
    "training",
    "unstack",
    "zoo",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The strategies and the zoo, imported when asked for."""
    if name in ("strategies", "zoo"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
