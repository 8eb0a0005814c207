"""What a GPU says of itself while it works: clocks, temperature and limit, by NVML, else by nvidia-smi; energy, power.

NVML is called through ctypes: NVIDIA, NVML API Reference Guide (nvmlDeviceGetClockInfo and its neighbours). A board is
named by its PCI `bus` id, "" for the first: the CUDA device 0 of a process may be any of a machine's.
"""

import ctypes
import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

LIBRARIES = ("libnvidia-ml.so.1", "libnvidia-ml.so", "nvml.dll")

CLOCK_SM, CLOCK_MEMORY, TEMPERATURE_GPU = 1, 2, 0
"""nvmlClockType_t and nvmlTemperatureSensors_t."""

FIELD_POWER_INSTANT = 186
"""NVML_FI_DEV_POWER_INSTANT, in milliwatts; scope 0 is the GPU."""

QUERY = ("clocks.sm", "clocks.mem", "temperature.gpu", "power.limit")
NAMES = ("clock_hz", "memory_clock_hz", "temperature_c", "power_limit_w")
"""Columns, in the order of QUERY; NVML gives MHz, degrees and milliwatts, nvidia-smi MHz, degrees and watts."""


class _FieldValue(ctypes.Structure):
    """nvmlFieldValue_t; its value is the union of all types."""

    _fields_ = (
        ("field", ctypes.c_uint), ("scope", ctypes.c_uint), ("timestamp", ctypes.c_longlong),
        ("latency", ctypes.c_longlong), ("type", ctypes.c_int), ("status", ctypes.c_int), ("value", ctypes.c_ulonglong),
    )  # fmt: skip


def read(bus: str = "") -> Mapping[str, float]:
    """The present values by NAMES in base units (Celsius aside); what the driver does not tell is absent."""
    library = _library()
    return _by_nvml(library, bus) if library else _by_tool(bus)


def energy_j(bus: str = "") -> float | None:
    """Joules that the board took since the driver was loaded (nvmlDeviceGetTotalEnergyConsumption), if it counts."""
    library = _library()
    device, read = _device(library, bus), getattr(library, "nvmlDeviceGetTotalEnergyConsumption", None)
    value = ctypes.c_ulonglong()
    if device is None or read is None or read(device, ctypes.byref(value)) != 0:
        return None
    return value.value * 1e-3


def instant_w(bus: str = "") -> float | None:
    """The board's present power, not a mean of the last second, if it tells."""
    library = _library()
    device, read = _device(library, bus), getattr(library, "nvmlDeviceGetFieldValues", None)
    asked = _FieldValue(field=FIELD_POWER_INSTANT)
    if device is None or read is None or read(device, 1, ctypes.byref(asked)) != 0 or asked.status != 0:
        return None
    return float(ctypes.c_uint(asked.value).value) * 1e-3


def driver() -> str:
    """The driver's version, "" where it does not tell."""
    library = _library()
    if library is None:
        return ""
    text = ctypes.create_string_buffer(80)
    return text.value.decode() if library.nvmlSystemGetDriverVersion(text, 80) == 0 else ""


@cache
def _library() -> Any:
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if library.nvmlInit_v2() == 0:
            return library
    return None


def _device(library: Any, bus: str) -> Any:
    device = ctypes.c_void_p()
    if library is None:
        return None
    handle = library.nvmlDeviceGetHandleByPciBusId_v2 if bus else library.nvmlDeviceGetHandleByIndex_v2
    return device if handle(bus.encode() if bus else 0, ctypes.byref(device)) == 0 else None


def _by_nvml(library: Any, bus: str) -> Mapping[str, float]:
    device = _device(library, bus)
    if device is None:
        return {}
    calls = (
        (library.nvmlDeviceGetClockInfo, (CLOCK_SM,), 1e6),
        (library.nvmlDeviceGetClockInfo, (CLOCK_MEMORY,), 1e6),
        (library.nvmlDeviceGetTemperature, (TEMPERATURE_GPU,), 1.0),
        (library.nvmlDeviceGetEnforcedPowerLimit, (), 1e-3),
    )
    found = {}
    for name, (call, arguments, unit) in zip(NAMES, calls, strict=True):
        value = ctypes.c_uint()
        if call(device, *arguments, ctypes.byref(value)) == 0:
            found[name] = value.value * unit
    return found


def _by_tool(bus: str) -> Mapping[str, float]:
    command = ["nvidia-smi", f"--id={bus or 0}", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse(done.stdout)


def parse(line: str) -> Mapping[str, float]:
    """The values of one line of nvidia-smi's CSV; "[N/A]" is absent."""
    units = (1e6, 1e6, 1.0, 1.0)
    cells = zip(NAMES, line.strip().split(","), units, strict=False)
    return {name: float(cell) * unit for name, cell, unit in cells if _is_number(cell)}


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
