"""A folding from a file: FINN's folding configuration (JSON), or the same with our layers' names."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.catalog import UnknownNameError
from costmodel.estimators.fpga.unit import ON_FABRIC, Folding, grouped, height, streaming, width
from costmodel.hardware import Fpga
from costmodel.workload import Op, Workload

DENSE, DEPTHWISE = ("MVAU", "MatrixVectorActivation", "StreamingFCLayer_Batch"), ("VVAU", "VectorVectorActivation")
"""FINN's names of a matrix-vector unit and of a depthwise one over its versions; _hls, _rtl and a number follow."""
STREAMS = {"pooling": ("Pool", "StreamingMaxPool", "GlobalAccPool"), "elementwise": ("AddStreams", "ElementwiseAdd")}
"""FINN's names of the units that only stream elements, by the kind of op."""
CHOICES = {"resType": ("auto", "lut", "dsp"), "ram_style": ("auto", "block", "distributed", "ultra")}
"""Where FINN puts a unit's products and its weights, in any case."""
OTHERS = re.compile(r"^(?:Defaults|[A-Za-z]+(?:_Batch|_hls|_rtl)*_\d+)$")
"""Other nodes of a configuration (windows, queues): their own settings are not used."""


def read(path: Path, workload: Workload, device: Fpga) -> Folding:
    """Return the folding of every layer. FINN's units stand in the order of their numbers, as the layers do.

    "PE" and "SIMD" are 1 where not given; "resType" lut keeps products out of DSP blocks, "ram_style" ultra puts
    weights into UltraRAM. Pools and sums take the PE of their units where there are as many of those, else 1.
    ValueError in one line where the file is none, units and layers differ in number, PE or SIMD does not divide its
    layer, or the device lacks what is asked for.
    """
    data = _loaded(path)
    named, streams = _units(path, data, workload), _streams(data, workload)
    columns = {name: np.ones(len(workload.ops)) for name in ("pe", "simd", "dsp")} | {
        "uram": np.zeros(len(workload.ops))
    }
    for i, op in enumerate(workload.ops):
        if op.kind in ON_FABRIC:
            values = _settings(path, op, named[op.name], device)
            for name, value in values.items():
                columns[name][i] = value
        elif op.name in streams:
            columns["pe"][i] = _divisor(path, op, streams[op.name], "PE", 0.0)
    return Folding(**columns)


def _loaded(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the folding {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a folding in JSON: {error}") from None
    if not isinstance(data, dict) or not all(isinstance(unit, dict) for unit in data.values()):
        raise ValueError(f'{path}: a folding maps units to settings, as {{"MVAU_hls_0": {{"PE": 4, "SIMD": 8}}}}')
    return data


def _units(path: Path, data: Mapping[str, Any], workload: Workload) -> dict[str, Mapping[str, Any]]:
    """The settings of each layer by its name."""
    layers = [op for op in workload.ops if op.kind in ON_FABRIC]
    names = {op.name for op in layers}
    if names & set(data):
        for name in data:
            if name not in names and not OTHERS.match(name):
                raise UnknownNameError("layer", name, names)
        missing = next((op.name for op in layers if op.name not in data), None)
        if missing:
            raise ValueError(f"{path}: no folding of layer {missing!r}")
        return {op.name: data[op.name] for op in layers}
    found: dict[str, Mapping[str, Any]] = {}
    for units, own in (
        (DENSE, [op for op in layers if not grouped(op)]),
        (DEPTHWISE, [op for op in layers if grouped(op)]),
    ):
        settings = _numbered(data, units)
        if len(settings) != len(own):
            raise ValueError(f"{path}: {len(settings)} units {units[0]} for {len(own)} such layers of {workload.name}")
        found |= {op.name: unit for op, unit in zip(own, settings, strict=True)}
    return found


def _streams(data: Mapping[str, Any], workload: Workload) -> dict[str, Mapping[str, Any]]:
    """The settings of each pool and sum by its name, of the kinds with as many units as such ops."""
    found: dict[str, Mapping[str, Any]] = {}
    for kind, units in STREAMS.items():
        own = [op.name for op in workload.ops if op.kind == kind and streaming(op)]
        settings = _numbered(data, units)
        if len(settings) == len(own):
            found |= dict(zip(own, settings, strict=True))
    return found


def _numbered(data: Mapping[str, Any], units: tuple[str, ...]) -> list[Mapping[str, Any]]:
    pattern = re.compile(rf"^(?:{'|'.join(units)})(?:_Batch|_hls|_rtl)*_(\d+)$")
    found = [(int(match[1]), data[name]) for name in data if (match := pattern.match(name))]
    return [unit for _, unit in sorted(found, key=lambda item: item[0])]


def _settings(path: Path, op: Op, unit: Mapping[str, Any], device: Fpga) -> dict[str, float]:
    pe, simd = (_divisor(path, op, unit, key, size) for key, size in (("PE", height(op)), ("SIMD", width(op))))
    resource, memory = (_choice(path, op, unit, key) for key in CHOICES)
    if resource == "dsp" and not device.dsp:
        raise ValueError(f"{path}: layer {op.name!r} asks for DSP blocks, and {device.name} has none")
    if memory == "ultra" and not device.uram:
        raise ValueError(f"{path}: layer {op.name!r} asks for UltraRAM, and {device.name} has none")
    return {
        "pe": pe,
        "simd": simd,
        "dsp": float(resource != "lut" and device.dsp > 0),
        "uram": float(memory == "ultra"),
    }


def _choice(path: Path, op: Op, unit: Mapping[str, Any], key: str) -> str:
    value = unit.get(key, "auto")
    if str(value).lower() not in CHOICES[key]:
        raise ValueError(f"{path}: {key} of layer {op.name!r} must be one of {', '.join(CHOICES[key])}, got {value!r}")
    return str(value).lower()


def _divisor(path: Path, op: Op, unit: Mapping[str, Any], key: str, size: float) -> float:
    value = unit.get(key, 1)
    misspelt = next((name for name in unit if name != key and name.upper() == key), None)
    if misspelt:
        raise ValueError(f"{path}: layer {op.name!r} has {misspelt!r}, which is spelled {key}")
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or size % value:
        wanted = f"divide {size:g}" if size else "be at least 1"
        raise ValueError(f"{path}: {key} of layer {op.name!r} must {wanted}, got {value!r}")
    return float(value)
