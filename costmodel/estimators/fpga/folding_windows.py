"""FINN's sliding-window units beside the units that they feed: what they must emit, and what a file says of them.

Rules and default of FINN v0.10.1, read in its repository (Xilinx/finn): `custom_op/fpgadataflow/rtl/
convolutioninputgenerator_rtl.py` (select_impl_style, get_exp_cycles) emits SIMD channels of one pixel a cycle, SIMD
dividing the channels, or with parallel_window a whole window, for which SIMD is all channels, or the PE of a depthwise
unit; `transformation/fpgadataflow/convert_to_hw_layers.py` (InferConvInpGen) makes it with all channels and without
parallel_window, and a DownSampler of a window of 1 x 1 at a stride. Where images are padded it puts an FMPadding before
it, of all channels a cycle too; its SIMD divides them.
"""

import re
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from costmodel.estimators.fpga.unit import ON_FABRIC, channels, grouped, padded, windowed
from costmodel.workload import Op, Workload

WINDOWS, SAMPLERS = ("ConvolutionInputGenerator",), ("DownSampler",)
"""FINN's names of a sliding-window unit over its versions, and of that of 1 x 1 windows at a stride."""
OF_WINDOWS = {WINDOWS[0]: ("SIMD", "parallel_window", "ram_style"), SAMPLERS[0]: ("SIMD",)}
PADDINGS = ("FMPadding",)
"""FINN's name of the unit that pads images before a sliding-window unit."""

Settings = Mapping[str, Any]


def keeps_up(pixel: int, pe: int, simd: int, *, depthwise: bool) -> dict[str, int]:
    """The least sliding-window unit of a layer of `pixel` channels that its matrix unit does not wait for.

    Where SIMD does not divide the channels, the next that does and is no slower: FINN then puts a width converter
    between.
    """
    if depthwise:
        return {"SIMD": pe, "parallel_window": int(simd > 1)}
    if simd > pixel:
        return {"SIMD": pixel, "parallel_window": 1}
    passes = ceil(pixel / simd)
    return {
        "SIMD": next(n for n in range(1, pixel + 1) if not pixel % n and pixel // n <= passes),
        "parallel_window": 0,
    }


def settings(data: Mapping[str, Settings], workload: Workload) -> dict[str, Settings]:
    """What a file says of each layer's sliding-window unit.

    As many units as windows stand in their order, those of poolings among them or not; fewer are told by their numbers.
    """
    own = [op for op in workload.ops if op.kind in ON_FABRIC and bool(windowed(op))]
    wide = [op for op in own if _area(op) > 1]
    pooled = [op for op in workload.ops if op in wide or (op.kind == "pooling" and _area(op) > 1)]
    found = _matched(numbered(data, WINDOWS), wide, pooled) | _matched(
        numbered(data, SAMPLERS), [op for op in own if _area(op) == 1]
    )
    return {op.name: found[op.name] for op in own if op.name in found}


def paddings(data: Mapping[str, Settings], workload: Workload) -> dict[str, Settings]:
    """What a file says of the padding before each op's windows, where it pads as many as we do, poolings or not."""
    every = [op for op in workload.ops if bool(padded(op)) and (op.kind == "pooling" or bool(windowed(op)))]
    found = [unit for _, unit in numbered(data, PADDINGS)]
    for own in (every, [op for op in every if op.kind != "pooling"]):
        if len(own) == len(found):
            return {op.name: unit for op, unit in zip(own, found, strict=True)}
    return {}


def known(data: Mapping[str, Settings], workload: Workload) -> dict[str, tuple[str, ...]]:
    """The settings that are read of FINN's units beside those of layers, by the unit's name."""
    windows = OF_WINDOWS if settings(data, workload) else {}
    return windows | ({PADDINGS[0]: ("SIMD",)} if paddings(data, workload) else {})


def left_to_finn(data: Mapping[str, Settings], workload: Workload) -> list[str]:
    """The convolutions whose sliding-window units are FINN's own: one pixel's channels a cycle."""
    told, by_layer = settings(data, workload), any(op.name in data for op in workload.ops if op.kind in ON_FABRIC)
    dense = [op for op in workload.ops if op.kind in ON_FABRIC and bool(windowed(op)) and not grouped(op)]
    return [] if by_layer else [op.name for op in dense if op.name not in told]


def read(path: Path, op: Op, unit: Settings, pe: float, columns: float) -> dict[str, float]:
    """What the sliding-window unit of a layer of so many PE and `columns` (SIMD) emits, nothing where it just keeps up.

    ValueError where FINN does not build it.
    """
    pixel, whole = int(channels(op)), unit.get("parallel_window", 0)
    if whole not in (0, 1):
        raise ValueError(f"{path}: parallel_window of layer {op.name!r} must be 0 or 1, got {whole!r}")
    simd = unit.get("SIMD", int(pe) if grouped(op) else pixel)
    if not isinstance(simd, int) or isinstance(simd, bool) or simd < 1 or pixel % simd:
        raise ValueError(f"{path}: SIMD of the window of layer {op.name!r} must divide {pixel}, got {simd!r}")
    if grouped(op) and simd != pe:
        raise ValueError(f"{path}: SIMD of the window of layer {op.name!r} must be its PE, {pe:g}, got {simd}")
    if whole and not grouped(op) and simd != pixel:
        raise ValueError(f"{path}: parallel_window of layer {op.name!r} needs a SIMD of {pixel} channels, got {simd}")
    if {"SIMD": simd, "parallel_window": whole} == keeps_up(pixel, int(pe), int(columns), depthwise=bool(grouped(op))):
        return {}
    return {"window_simd": float(simd), "whole_windows": float(whole)}


def padding(path: Path, op: Op, unit: Settings, batch: int) -> dict[str, float]:
    """Channels a cycle of the padding before an op's windows, all where the file does not say; ValueError where FINN
    does not build it."""
    pixel = round(float(op.input_elements) / (batch * op.window.input_height * op.window.input_width))
    simd = unit.get("SIMD", pixel)
    if not isinstance(simd, int) or isinstance(simd, bool) or simd < 1 or pixel % simd:
        raise ValueError(f"{path}: SIMD of the padding of layer {op.name!r} must divide {pixel}, got {simd!r}")
    return {"padding_simd": float(simd)}


def numbered(data: Mapping[str, Settings], units: tuple[str, ...]) -> list[tuple[int, Settings]]:
    """The units of these names with their numbers, in their order."""
    pattern = re.compile(rf"^(?:{'|'.join(units)})(?:_Batch|_hls|_rtl)*_(\d+)$")
    found = [(int(match[1]), data[name]) for name in data if (match := pattern.match(name))]
    return sorted(found, key=lambda item: item[0])


def _matched(units: list[tuple[int, Settings]], *windows: list[Op]) -> dict[str, Settings]:
    """Units by the layers in whose windows' order they stand: those of the same number, else the first."""
    own = next((each for each in windows if len(each) == len(units)), None)
    if own is not None:
        return {op.name: unit for op, (_, unit) in zip(own, units, strict=True)}
    if all(number < len(windows[0]) for number, _ in units):
        return {windows[0][number].name: unit for number, unit in units}
    return {}


def _area(op: Op) -> float:
    return float(op.window.kernel_height * op.window.kernel_width)
