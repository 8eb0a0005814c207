"""Read devices from TOML: those of this folder, a user's folder, or a path."""

import os
import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from costmodel.catalog import UnknownNameError, only, read_toml, require, require_keys, toml_files
from costmodel.hardware.cpu import Cpu
from costmodel.hardware.fpga import DSP_KINDS, Fpga
from costmodel.hardware.gpu import MEMORY_KINDS, Gpu, PeakFlops
from costmodel.record import Real

Device: TypeAlias = Gpu | Cpu | Fpga

TEXT = ("name", "dsp_kind", "memory_kind", "backend", "link")
TABLES = ("peak_flops", "sources")
MAY_BE_ZERO = ("dsp", "bram18", "uram", "amid_s")
WHOLE = ("sm_count", "cores")
_RATE = (1e6, 1e16, "bytes a second, as 2e12")
_PEAK = (1e6, 1e20, "operations a second, as 300e12")
_WATTS = (1e-3, 1e5, "watts, as 300")
_SHARE = (0.0, 1.0, "shares of 1, as 0.125")
WITHIN = {
    "process_m": (1e-10, 1e-6, "metres, as 4e-9"), "clock_hz": (1e6, 1e11, "hertz, as 1.4e9"),
    "memory_bytes": (1e6, 1e16, "bytes, as 80e9"), "l2_bytes": (1e4, 1e11, "bytes, as 40e6"),
    "power_w": _WATTS, "static_w": _WATTS, "toggle_rate": _SHARE, "amid_s": (0.0, 1.0, "seconds, as 3e-6"),
    **dict.fromkeys(("memory_bytes_per_s", "link_bytes_per_s", "storage_bytes_per_s", "bytes_per_s"), _RATE),
    **{pipe.name: _PEAK for pipe in fields(PeakFlops)}, **dict.fromkeys(("achievable", "share"), _SHARE),
    **dict.fromkeys(("start_s", "hop_s"), (1e-10, 0.1, "seconds, as 3e-6")),
}  # fmt: skip
"""Where a value in another unit would lie outside: the least and most that something built may have, and the unit."""

D = TypeVar("D", Gpu, Cpu, Fpga)

KINDS: dict[str, type[Gpu] | type[Cpu] | type[Fpga]] = {"gpu": Gpu, "cpu": Cpu, "fpga": Fpga}

_A = {"gpu": "a GPU", "cpu": "a CPU", "fpga": "an FPGA"}


def user_folder() -> Path:
    """Where a user's own devices live: $BITFRONT_HOME, else ~/.config/bitfront; in gpus/, cpus/, fpgas/ as here."""
    home = os.environ.get("BITFRONT_HOME")
    return Path(home) if home else Path.home() / ".config" / "bitfront"


def names(kind: str) -> list[str]:
    """The known devices of a kind: gpu, cpu or fpga."""
    return sorted(files(kind))


def gpu(name: str) -> Gpu:
    """The GPU of that name or TOML path."""
    return _load_as("gpu", name, Gpu)


def cpu(name: str) -> Cpu:
    """The CPU of that name or TOML path."""
    return _load_as("cpu", name, Cpu)


def fpga(name: str) -> Fpga:
    """The FPGA of that name or TOML path."""
    return _load_as("fpga", name, Fpga)


def processor(name: str) -> Gpu | Cpu:
    """The CPU of that name where there is one, else the GPU; UnknownNameError where neither is known."""
    if name in files("cpu"):
        return cpu(name)
    try:
        return gpu(name)
    except UnknownNameError as error:
        if error.near:
            raise
        folder = user_folder() / "cpus"
        told = f"{error}; a processor is known once the TOML that profile cpu writes of it is {folder / name}.toml"
        raise ValueError(told) from None


def device(name: str) -> Device:
    """The device of that name or TOML path, of whatever kind; h100_sxm:vllm is a GPU with a backend's kernels.

    UnknownNameError lists near names; ValueError where two kinds, or two files, share the name.
    """
    name, colon, backend = name.rpartition(":") if ":" in name else (name, "", "")
    if colon:
        found = device(name)
        if not isinstance(found, Gpu) or not backend:
            raise ValueError(f"a GPU and a backend are like h100_sxm:vllm, got {name}:{backend}")
        return replace(found, backend=backend)
    if name.endswith(".toml"):
        return read(Path(name))
    known = {kind: files(kind) for kind in KINDS}
    require("device", name, {n for found in known.values() for n in found})
    first, *others = [kind for kind, found in known.items() if name in found]
    if others:
        raise ValueError(
            f"{name!r} is both a {first} and a {others[0]}: {known[first][name][0]}, {known[others[0]][name][0]}"
        )
    return read(only(known[first][name]), first)


def read(path: Path, kind: str = "") -> Device:
    """Read one device's TOML; without `kind` the file must say kind = "gpu", "cpu" or "fpga".

    ValueError names the file and the missing, unknown, negative or non-numeric value.
    """
    if not path.is_file():
        raise ValueError(f"no device file {str(path)!r}")
    stat = path.stat()
    return _read(path, kind, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=256)
def _read(path: Path, kind: str, stamp: tuple[int, int]) -> Device:  # noqa: ARG001
    """The device of a file as it is at a time and size; read again when these change."""
    data = read_toml(path)
    kind = str(data.pop("kind", kind))
    if kind not in KINDS:
        raise ValueError(f'{path}: kind must be "gpu", "cpu" or "fpga", got {kind!r}')
    cls = KINDS[kind]
    data.setdefault("name", path.stem)
    _check_keys(path, data, cls)
    if "peak_flops" in data:
        _check_keys(path, data["peak_flops"], PeakFlops)
        data["peak_flops"] = PeakFlops(**data["peak_flops"])
    for key, allowed in (("dsp_kind", DSP_KINDS), ("memory_kind", MEMORY_KINDS)):
        if key in data and data[key] not in allowed:
            raise ValueError(f"{path}: {key} must be one of {', '.join(allowed)}, got {data[key]!r}")
    if data.get("link") and not data["link"].endswith(".toml"):
        require(f"link of {path}", data["link"], toml_files(Path(__file__).parent / "links", user_folder() / "links"))
    return cls(**data)


def _load_as(kind: str, name: str, cls: type[D]) -> D:
    found: Device | None = read(Path(name), kind) if name.endswith(".toml") else None
    if ":" in name:
        found = device(name)
    if found is None:
        known = files(kind)
        other = next((k for k in KINDS if k != kind and name not in known and name in files(k)), "")
        if other:
            raise ValueError(f"{name} is {_A[other]}, expected {_A[kind]}")
        found = read(only(known[require(kind, name, known)]), kind)
    if not isinstance(found, cls):
        raise ValueError(f"{name} describes a {type(found).__name__}, expected a {cls.__name__}")
    return found


def files(kind: str) -> dict[str, list[Path]]:
    """The TOML files of a kind's devices by name, this folder's before the user's."""
    return toml_files(Path(__file__).parent / f"{kind}s", user_folder() / f"{kind}s")


def _check_keys(path: Path, data: Mapping[str, Any], cls: type[Any]) -> None:
    known = {f.name: f for f in fields(cls)}
    for key, value in data.items():
        _check_value(path, require(f"key in {path}", key, known), value)
    needed = [f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING]
    require_keys(path, needed, data)
    for key, value in data.get("sources", {}).items():
        _check_text(path, f"sources.{key}", value)


def _check_value(path: Path, key: str, value: Any) -> None:
    if key in TABLES:
        if not isinstance(value, Mapping):
            raise ValueError(f"{path}: {key} must be a table, got {value!r}")
    elif key in TEXT:
        _check_text(path, key, value)
    else:
        check_number(str(path), key, value)


def _check_text(path: Path, key: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{path}: {key} must be a string, got {value!r}")


def check_number(where: str, key: str, value: Any) -> None:
    """ValueError where a device's value is no finite number, is negative, or is 0 but for a resource it may lack."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 <= value <= sys.float_info.max) or (value == 0 and key not in MAY_BE_ZERO):
        raise ValueError(f"{where}: {key} must be a positive finite number, got {value!r}")
    if key in WHOLE and value != int(value):
        raise ValueError(f"{where}: {key} must be a whole number, got {value!r}")
    check_unit(where, key, value)


def check_unit(where: str, key: str, value: Real) -> None:
    """ValueError where a device's value lies where only one in another unit would."""
    least, most, unit = WITHIN.get(key, (0.0, value, ""))
    if not least <= value <= most:
        raise ValueError(f"{where}: {key} must be in {unit}, within {least:g}..{most:g}, got {value!r}")
