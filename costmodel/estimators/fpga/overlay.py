"""Overlay: one systolic array that all layers share, weights held still while activations stream through.

Cycles follow the analytic model of Samajdar et al., SCALE-Sim: Systolic CNN Accelerator Simulator, arXiv 1811.02883
(weight stationary; the next tile's weights load while one computes). Every layer reads its weights and inputs from
memory and writes its outputs to it; partial sums stay on the chip. Sparse weights come as they are stored and are
multiplied with their zeros.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.coverage import covered
from costmodel.estimators.fpga.energy import dynamic_j, power
from costmodel.estimators.fpga.systolic_array import INPUT_WORDS, SUM_WORDS, Array, array
from costmodel.estimators.fpga.unit import groups, height, matrices, on_fabric, pixels, streaming, width
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real, map_fields, stack
from costmodel.workload import Op, Workload

LEAST_SIDE, MOST_SIDE = 4, 256
"""Rows and columns that an array may have: any whole numbers between."""
RESOURCES = ("lut", "ff", "dsp", "bram18", "uram")
"""What an array takes, of what a device has."""
CHUNK = 4096
"""Arrays whose latency is found at once: bounds the memory."""


class NoArrayError(ValueError):
    """No array fits; `least` maps each resource that is short to the least that an array within the others takes."""

    def __init__(self, message: str, least: Mapping[str, float]) -> None:
        super().__init__(message)
        self.least = dict(least)


def fit(
    workload: Workload,
    precision: Precision,
    device: Fpga,
    *,
    utilisation: float = 0.7,
    most: Mapping[str, float] = MappingProxyType({}),
) -> Array:
    """The array of least latency within `utilisation` x device; `precision` is one or a batch of ops.

    Of all sides from LEAST_SIDE to MOST_SIDE; as many columns as DSP blocks allow multiply in them, the others in LUTs,
    or all in LUTs where that takes fewer; inputs go to UltraRAM where block RAM is short. Its multipliers are those of
    the dearest pair of formats among the layers. `most` limits any of RESOURCES in place of that share, up to the whole
    device. NoArrayError where none fits.
    """
    ops, usable = workload.batch_of_ops, device.usable(utilisation)
    precision = stack([precision] * len(workload.ops)) if isinstance(precision.math_pipe, str) else precision
    limits = {name: min(most.get(name, getattr(usable, name)), getattr(device, name)) for name in RESOURCES}
    side = np.arange(LEAST_SIDE, MOST_SIDE + 1.0)
    rows, columns = (each.ravel() for each in np.meshgrid(side, side))
    arrays = array(ops, precision, device, rows, columns, limits)
    over = np.array([getattr(arrays, name) > limit for name, limit in limits.items()])
    fits = np.flatnonzero(~over.any(axis=0))
    if not len(fits):
        told = f"{utilisation:.0%} of {device.name}" + "".join(f", {n} <= {most[n]:g}" for n in RESOURCES if n in most)
        least = _least(arrays, over)
        needs = " or ".join(f"{name} of at least {value:g}" for name, value in least.items())
        raise NoArrayError(f"no array of {LEAST_SIDE} x {LEAST_SIDE} or more fits {told}: it needs {needs}", least)
    latency_s = np.concatenate([_latency_s(ops, precision, device, arrays, some) for some in _chunks(fits)])
    best = fits[np.lexsort((arrays.lut[fits], latency_s))[0]]
    found = replace(arrays, **{f.name: float(getattr(arrays, f.name)[best]) for f in fields(arrays)})
    return replace(found, rows=int(found.rows), columns=int(found.columns), dsp_columns=int(found.dsp_columns))


def _chunks(of: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [of[start : start + CHUNK] for start in range(0, len(of), CHUNK)]


def _latency_s(ops: Op, precision: Precision, device: Fpga, arrays: Array, some: NDArray[np.int64]) -> Real:
    """Seconds of a pass on some of the arrays."""
    these: Array = map_fields(arrays, lambda column: column[some][:, None])
    (compute, _), moved = _compute(ops, these), _moved(ops, precision, these)
    cycles = np.maximum(compute, np.ceil(moved / device.memory_bytes_per_s * these.clock_hz)) / these.clock_hz
    return np.where(on_fabric(ops) | streaming(ops), cycles, 0.0).sum(axis=1)


def runs(laid: Array, workload: Workload, precision: Precision, device: Fpga) -> bool:
    """Whether an array holds all layers at a precision: one of its size made for that takes no more of anything."""
    limits = {name: float(getattr(laid, name)) for name in RESOURCES}
    every = stack([precision] * len(workload.ops))
    own = array(workload.batch_of_ops, every, device, np.array([laid.rows]), np.array([laid.columns]), limits)
    return all(float(getattr(own, name)[0]) <= limit for name, limit in limits.items())


def _least(arrays: Array, over: NDArray[np.bool_]) -> dict[str, float]:
    """The least of a resource among arrays that lack it alone; else of each that the smallest array lacks."""
    alone = over.sum(axis=0) == 1
    found = {
        name: float(getattr(arrays, name)[short & alone].min())
        for name, short in zip(RESOURCES, over, strict=True)
        if (short & alone).any()
    }
    if found:
        return found
    smallest = int(np.argmin(arrays.lut))
    return {n: float(getattr(arrays, n)[smallest]) for n, short in zip(RESOURCES, over, strict=True) if short[smallest]}


def evaluate(op: Op, precision: Precision, device: Fpga, array: Array) -> dict[str, Real]:
    """Cycles, latency and its bounds, bytes moved, energy and the share of multipliers in use, of a layer or a batch.

    Resources are the array's and stand in the totals alone. Poolings and sums stream `columns` elements a cycle.
    """
    known = covered(precision) | ~(on_fabric(op) | streaming(op))
    clock = array.clock_hz
    (compute, ideal), moved = _compute(op, array), _moved(op, precision, array)
    memory = np.ceil(moved / device.memory_bytes_per_s * clock)
    used = on_fabric(op) | streaming(op)
    cycles = np.where(used, np.where(known, np.maximum(compute, memory), np.nan), 0.0)
    busy = array.rows * array.columns * np.maximum(cycles, 1.0)
    resources = {"lut": array.lut, "dsp": array.dsp, "bram18": array.bram18, "uram": array.uram}
    return {
        "cycles": cycles,
        "latency_s": cycles / clock,
        "latency_low_s": np.where(cycles > 0, np.maximum(ideal, memory), cycles) / clock,
        "latency_high_s": np.where(cycles > 0, compute + memory, cycles) / clock,
        "bytes_moved": np.where(used, moved, 0.0),
        "utilisation": np.where(on_fabric(op), op.macs / busy, 0.0),
        "energy_j": dynamic_j(resources, cycles, device),
        "bound": np.where(used, np.where(compute >= memory, "compute", "memory"), "none"),
        "source": np.where(used, "formula (SCALE-Sim)", "no formula"),
    }


def totals(columns: Mapping[str, Any], workload: Workload, device: Fpga, array: Array) -> dict[str, float]:
    """What a pass takes, one layer after the other, its power, and the array's resources and mean utilisation, by the
    products that it does.

    Throughput is of images or sequences. The bounds of the latency are those of an array that needs no cycles to fill
    and drain, and of one that waits for a layer's memory before it computes.
    """
    names = [f.name for f in fields(array)]
    latency_s, cycles = (float(np.sum(columns[name])) for name in ("latency_s", "cycles"))
    macs = float(np.sum(np.where(on_fabric(workload.batch_of_ops), columns["macs"], 0.0)))
    energy_j = float(np.sum(columns["energy_j"])) if "energy_j" in columns else np.nan
    powers = power(energy_j / latency_s, device) if latency_s and not np.isnan(energy_j) else {}
    return {
        "cycles": cycles,
        "throughput_per_s": workload.batch / latency_s if latency_s else np.nan,
        "utilisation": macs / (array.rows * array.columns * cycles) if cycles else np.nan,
        **powers,
        **{name: float(getattr(array, name)) for name in names},
    }


def _compute(op: Op, array: Array) -> tuple[Real, Real]:
    """Tiles of rows x columns weights, each as long as the inputs that stream through or its successor loads; and that
    without the cycles in which the array fills and drains. Each expert that tokens reach has tiles of its own."""
    parts, reached = np.maximum(groups(op), 1), _reached(op)
    tiles = reached * groups(op) * np.ceil(width(op) / array.rows) * np.ceil(height(op) / parts / array.columns)
    matrix = op.count * tiles * np.maximum(pixels(op) / reached, array.rows)
    stream = op.count * np.ceil(np.maximum(op.output_elements, op.vector_flops) / array.columns)
    filled = matrix + op.count * (array.rows + array.columns - 2)
    return np.where(on_fabric(op), filled, stream), np.where(on_fabric(op), matrix, stream)


def _reached(op: Op) -> Real:
    """Weight matrices that a pass reads: of experts those that its tokens take."""
    return np.where(matrices(op) > 1, op.b, 1.0)


def _moved(op: Op, precision: Precision, array: Array) -> Real:
    """Bytes: inputs and outputs once, weights once for every part of the inputs that the buffers hold."""
    held = np.clip(np.floor(INPUT_WORDS / 2 / np.ceil(np.maximum(width(op), 1) / array.rows)), 1, SUM_WORDS / 2)
    reached = _reached(op)
    parts = np.where(on_fabric(op), np.ceil(pixels(op) / reached / held), 1.0) * reached / matrices(op)
    read, written = precision.activation.bits_per_element, precision.written.bits_per_element
    activations = op.input_elements * read + op.output_elements * written
    weight_bits = op.weight_density * (precision.weight.bits_per_element + op.index_bits)
    return op.count * (parts * op.weight_elements * weight_bits + activations) / 8
