"""A folding from a file: FINN's folding configuration (JSON), or the same with our layers' names."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.catalog import UnknownNameError, require
from costmodel.estimators.fpga import folding_windows
from costmodel.estimators.fpga.folding_windows import numbered
from costmodel.estimators.fpga.unit import (
    LUT_WORDS,
    ON_FABRIC,
    QUEUE_WORDS,
    Folding,
    grouped,
    height,
    streaming,
    width,
)
from costmodel.hardware import Fpga
from costmodel.workload import Op, Workload

DENSE, DEPTHWISE = ("MVAU", "MatrixVectorActivation", "StreamingFCLayer_Batch"), ("VVAU", "VectorVectorActivation")
"""FINN's names of a matrix-vector unit and of a depthwise one over its versions; _hls, _rtl and a number follow."""
STREAMS = {"pooling": ("Pool", "StreamingMaxPool", "GlobalAccPool"), "elementwise": ("AddStreams", "ElementwiseAdd")}
"""FINN's names of the units that only stream elements, by the kind of op."""
CHOICES = {
    "resType": ("auto", "lut", "dsp"),
    "ram_style": ("auto", "block", "distributed", "ultra"),
    "mem_mode": ("internal_decoupled", "internal_embedded", "external", "decoupled", "const"),
}
"""Where FINN puts a unit's products and its weights, and whether these are one memory, one a PE, or streamed; any case.
Its older versions say decoupled and const for the first two modes."""
DEEPEST = {"auto": LUT_WORDS, "block": 0.0, "distributed": math.inf, "ultra": 0.0}
"""Words that lie in LUT memories at most, by the style that a file asks for."""
USED = ("PE", "SIMD", "parallel_window", *CHOICES, "inFIFODepths", "inFIFODepth")
UNUSED = (
    "outFIFODepths", "outFIFODepth", "runtime_writeable_weights", "ram_style_thresholds", "pumpedMemory",
    "pumpedCompute", "preferred_impl_style", "depth", "impl_style", "depth_trigger_uram",
    "depth_trigger_bram", "M", "slr", "partition_id", "rtlsim_trace", "res_estimate", "res_hls", "cycles_estimate",
)  # fmt: skip
"""Attributes that FINN's configurations hold and no model here reads."""
QUEUES = ("StreamingFIFO",)
"""FINN's name of the queues that it puts between units, over its versions."""
ABOUT = "bitfront"
"""The entry in which a file that we wrote says so; it is no unit."""
NODE = re.compile(r"^([A-Za-z]+?)(?:_Batch|_hls|_rtl)*_(\d+)$")
"""A node's name: FINN's operator, its version and its number."""


def read(path: Path, workload: Workload, device: Fpga) -> Folding:
    """Return the folding of every layer. FINN's units stand in the order of their numbers, as the layers do.

    "PE" and "SIMD" are 1 where not given; "resType" lut keeps products out of DSP blocks; "ram_style" says where
    weights lie, and of sliding-window units where their lines do; "mem_mode" embedded gives each PE a memory, external
    streams weights from memory; "inFIFODepths" are words of the queue before a unit. Sliding-window units emit what
    their "SIMD" and "parallel_window" say; one that the file does not name is FINN's own where the file names FINN's
    units, and follows its layer where it names our layers. FMPadding units pass on "SIMD" channels a cycle where there
    are as many as windows with padding. Pools and sums take the PE of their units where there are as
    many of those, else 1. "Defaults" hold where a unit says nothing. ValueError in one line where the file is none,
    units and layers differ in number, PE or SIMD does not divide its layer, FINN does not build a sliding-window unit,
    the device lacks what is asked for, or a setting is not one of FINN's.
    """
    data = _loaded(path)
    named, streams = _units(path, data, workload), _streams(data, workload)
    lines, by_finn = folding_windows.settings(data, workload), folding_windows.left_to_finn(data, workload)
    around, rows = folding_windows.paddings(data, workload), []
    for op in workload.ops:
        row: dict[str, float] = {"pe": 1.0, "simd": 1.0, "dsp": 1.0}
        if op.kind in ON_FABRIC:
            style = _choice(path, op, lines.get(op.name, {}), "ram_style")
            row |= _settings(path, op, named[op.name], device) | {"line_words": DEEPEST[style]}
            if op.name in lines or op.name in by_finn:
                row |= folding_windows.read(path, op, lines.get(op.name, {}), row["pe"], row["simd"])
        elif op.name in streams:
            row |= {"pe": _divisor(path, op, streams[op.name], "PE", 0.0), "queue_words": _queue(path, op, streams)}
        if op.name in around:
            row |= folding_windows.padding(path, op, around[op.name], workload.batch)
        rows.append(vars(Folding(1.0, 1.0)) | row)
    return Folding(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def left_out(path: Path, workload: Workload) -> list[str]:
    """Sentences on what the file asks for and no model here knows, and on windows that it leaves to FINN."""
    found: dict[str, list[str]] = {}
    data = _loaded(path)
    windows = folding_windows.known(data, workload)
    for node, settings in data.items():
        kind = match[1] if (match := NODE.match(node)) else node
        if kind in QUEUES:
            continue
        known = any(kind in names for names in (DENSE, DEPTHWISE, *STREAMS.values())) or not match
        used = windows.get(kind, [key for key in USED if known and key != "parallel_window"])
        for key in settings:
            if node != "Defaults" and key not in used:
                found.setdefault(key, []).append(node)
    told = [
        f"{key} of {', '.join(nodes[:3])}{f' and {len(nodes) - 3} more' * (len(nodes) > 3)}"
        for key, nodes in found.items()
    ]
    sentences = [f"Not modelled of {path.name}: {'; '.join(told)}."] if told else []
    return sentences + _passed_over(path, data) + _by_finn(path, folding_windows.left_to_finn(data, workload))


def _by_finn(path: Path, layers: list[str]) -> list[str]:
    """A sentence on the layers whose windows the file leaves to FINN; none where there are none."""
    more = f" and {len(layers) - 3} more" * (len(layers) > 3)
    told = (
        f"{path.name} has no sliding-window unit of {', '.join(layers[:3])}{more}: FINN's own is counted, which emits "
        "one pixel's channels a cycle."
    )
    return [told] if layers else []


def _passed_over(path: Path, data: Mapping[str, Any]) -> list[str]:
    """A sentence on the queues that the file lists, of which widths are not told; none where there are none."""
    queues = [unit for _, unit in numbered(data, QUEUES)]
    if not queues:
        return []
    depths = [float(each["depth"]) for each in queues if isinstance(each.get("depth"), int | float)]
    blocks = sum(each.get("impl_style") == "vivado" for each in queues)
    return [
        f"Passed over of {path.name}: {len(queues)} StreamingFIFO, of {sum(depths):g} words together, {blocks} of them"
        " in memories (impl_style vivado); counted is one queue before each unit, of its inFIFODepths."
    ]


def _loaded(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the folding {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a folding in JSON: {error}") from None
    if not isinstance(data, dict) or not all(isinstance(unit, dict) for unit in data.values()):
        raise ValueError(f'{path}: a folding maps units to settings, as {{"MVAU_hls_0": {{"PE": 4, "SIMD": 8}}}}')
    data.pop(ABOUT, None)
    defaults = data.get("Defaults", {})
    for node, settings in data.items():
        for key in settings:
            _require_key(path, node, key)
    return {node: _default(path, node, defaults) | settings for node, settings in data.items()}


def _require_key(path: Path, node: str, key: str) -> None:
    if key not in (*USED, *UNUSED):
        same = next((name for name in USED if name.upper() == key.upper()), None)
        hint = f"which is spelled {same}" if same else ""
        if not hint:
            try:
                require("setting", key, (*USED, *UNUSED))
            except UnknownNameError as error:
                hint = f"an {error}"
        raise ValueError(f"{path}: {node!r} has {key!r}, {hint}")


def _default(path: Path, node: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What "Defaults" gives a node: {setting: [value, [operators, or "all"]]}."""
    found = {}
    for key, given in defaults.items():
        if not (isinstance(given, list) and len(given) == 2 and isinstance(given[1], list)):
            raise ValueError(f'{path}: a default is {key!r}: [value, ["all"]], got {given!r}')
        value, kinds = given
        if node != "Defaults" and ("all" in kinds or any(node.startswith(str(kind)) for kind in kinds)):
            found[key] = value
    return found


def _units(path: Path, data: Mapping[str, Any], workload: Workload) -> dict[str, Mapping[str, Any]]:
    """The settings of each layer by its name."""
    layers = [op for op in workload.ops if op.kind in ON_FABRIC]
    names = {op.name for op in layers}
    if names & set(data):
        for name in data:
            if name not in names and name != "Defaults" and not NODE.match(name):
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
        settings = [unit for _, unit in numbered(data, units)]
        if len(settings) != len(own):
            raise ValueError(f"{path}: {len(settings)} units {units[0]} for {len(own)} such layers of {workload.name}")
        found |= {op.name: unit for op, unit in zip(own, settings, strict=True)}
    return found


def _streams(data: Mapping[str, Any], workload: Workload) -> dict[str, Mapping[str, Any]]:
    """The settings of each pool and sum by its name, of the kinds with as many units as such ops."""
    found: dict[str, Mapping[str, Any]] = {}
    for kind, units in STREAMS.items():
        own = [op.name for op in workload.ops if op.kind == kind and streaming(op)]
        settings = [unit for _, unit in numbered(data, units)]
        if len(settings) == len(own):
            found |= dict(zip(own, settings, strict=True))
    return found


def _settings(path: Path, op: Op, unit: Mapping[str, Any], device: Fpga) -> dict[str, float]:
    pe, simd = (_divisor(path, op, unit, key, size) for key, size in (("PE", height(op)), ("SIMD", width(op))))
    resource, memory, mode = (_choice(path, op, unit, key) for key in CHOICES)
    if resource == "dsp" and not device.dsp:
        raise ValueError(f"{path}: layer {op.name!r} asks for DSP blocks, and {device.name} has none")
    if memory == "ultra" and not device.uram:
        raise ValueError(f"{path}: layer {op.name!r} asks for UltraRAM, and {device.name} has none")
    return {
        "pe": pe,
        "simd": simd,
        "dsp": float(resource != "lut" and device.dsp > 0),
        "uram": float(memory == "ultra"),
        "lut_words": DEEPEST[memory],
        "apart": float(mode in ("internal_embedded", "const")),
        "streamed": float(mode == "external"),
        "queue_words": _queue(path, op, {op.name: unit}),
    }


def _queue(path: Path, op: Op, units: Mapping[str, Mapping[str, Any]]) -> float:
    """Words of the queue before a unit, of several the first's."""
    unit = units[op.name]
    given = unit.get("inFIFODepths", unit.get("inFIFODepth", QUEUE_WORDS))
    words = given[0] if isinstance(given, list) and given else given
    if not isinstance(words, int | float) or isinstance(words, bool) or words < 1 or words % 1:
        raise ValueError(
            f"{path}: inFIFODepths of layer {op.name!r} must be whole numbers of at least 1, got {given!r}"
        )
    return float(words)


def _choice(path: Path, op: Op, unit: Mapping[str, Any], key: str) -> str:
    value = unit.get(key, CHOICES[key][0])
    if str(value).lower() not in CHOICES[key]:
        raise ValueError(f"{path}: {key} of layer {op.name!r} must be one of {', '.join(CHOICES[key])}, got {value!r}")
    return str(value).lower()


def _divisor(path: Path, op: Op, unit: Mapping[str, Any], key: str, size: float) -> float:
    value = unit.get(key, 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or size % value:
        wanted = f"divide {size:g}" if size else "be at least 1"
        raise ValueError(f"{path}: {key} of layer {op.name!r} must {wanted}, got {value!r}")
    return float(value)
