"""Overlay: one systolic array that all layers share, weights held still while activations stream through.

Cycles follow the analytic model of Samajdar et al., SCALE-Sim: Systolic CNN Accelerator Simulator, arXiv 1811.02883
(weight stationary; the next tile's weights load while one computes). Every layer reads its weights and inputs from
memory and writes its outputs to it; partial sums stay on the chip. Sparse weights come as they are stored and are
multiplied with their zeros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.block_ram import ram_blocks
from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.coverage import covered
from costmodel.estimators.fpga.dot import OTHER_ERROR, dot_error, dot_lut
from costmodel.estimators.fpga.dsp import dsp, in_dsp
from costmodel.estimators.fpga.energy import dynamic_j, power
from costmodel.estimators.fpga.finn_lut import UNIT
from costmodel.estimators.fpga.output_stage import output_error, output_lut
from costmodel.estimators.fpga.unit import Folding, groups, height, on_fabric, pixels, streaming, width
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real, map_fields, stack
from costmodel.workload import Op, Workload

SIDES = (4, 8, 16, 32, 64, 128, 256)
"""Rows and columns that an array may have."""
INPUT_WORDS, SUM_WORDS, WEIGHT_WORDS = 4096.0, 1024.0, 1024.0
"""Words of the buffers, both halves: `rows` inputs, `columns` sums, `columns` weights a word (a judgement)."""
RESOURCES = ("lut", "ff", "dsp", "bram18")
"""What an array takes, of what a device has."""
SHARED_UNITS = 4.0
"""Sequencer, address generation and two data movers, each like a unit's control (a judgement)."""


class NoArrayError(ValueError):
    """No array fits; `least` maps each resource that is short to the least that an array within the others takes."""

    def __init__(self, message: str, least: Mapping[str, float]) -> None:
        super().__init__(message)
        self.least = dict(least)


@dataclass(frozen=True)
class Array:
    """`rows` x `columns` multipliers with accumulators, wide enough for every layer, and what the whole design takes.

    A row holds terms of a sum, a column an output; `dsp_products` is 1 where DSP blocks multiply.
    """

    rows: int
    columns: int
    dsp_products: float
    clock_hz: float
    lut: float
    lut_low: float
    lut_high: float
    ff: float
    dsp: float
    bram18: float

    def column(self) -> "Array":
        """The same array: it has no field a layer."""
        return self


def fit(
    workload: Workload,
    precision: Precision,
    device: Fpga,
    *,
    utilisation: float = 0.7,
    most: Mapping[str, float] = MappingProxyType({}),
) -> Array:
    """The array of least latency within `utilisation` x device, for a batch of precisions, one an op.

    Its multipliers are those of the dearest pair of formats among the layers. `most` limits any of RESOURCES in place
    of that share, up to the whole device. NoArrayError where none fits.
    """
    ops, usable = workload.batch_of_ops, device.usable(utilisation)
    limits = {name: min(most.get(name, getattr(usable, name)), getattr(device, name)) for name in RESOURCES}
    foldings = [Folding(columns, rows, dsp) for rows, columns, dsp in product(SIDES, SIDES, (0.0, 1.0))]
    arrays = [_array(ops, precision, device, folding) for folding in foldings]
    fits = [array for array in arrays if not _short(array, limits)]
    if not fits:
        told = f"{utilisation:.0%} of {device.name}" + "".join(f", {n} <= {most[n]:g}" for n in RESOURCES if n in most)
        least = _least(arrays, limits)
        needs = " or ".join(f"{name} of at least {value:g}" for name, value in least.items())
        raise NoArrayError(f"no array of {SIDES[0]} x {SIDES[0]} or more fits {told}: it needs {needs}", least)
    return min(fits, key=lambda a: (float(np.sum(evaluate(ops, precision, device, a)["latency_s"])), a.lut))


def runs(array: Array, workload: Workload, precision: Precision, device: Fpga) -> bool:
    """Whether an array holds all layers at a precision: one of its size made for that takes no more of anything."""
    sides = Folding(array.columns, array.rows, array.dsp_products)
    own = _array(workload.batch_of_ops, stack([precision] * len(workload.ops)), device, sides)
    return not _short(own, {name: getattr(array, name) for name in RESOURCES})


def _short(array: Array, limits: Mapping[str, float]) -> list[str]:
    """The resources of which an array takes more than there is."""
    return [name for name, limit in limits.items() if not getattr(array, name) <= limit]


def _least(arrays: Sequence[Array], limits: Mapping[str, float]) -> dict[str, float]:
    """The least of a resource among arrays that lack it alone; else of each that the smallest array lacks."""
    short = [(array, _short(array, limits)) for array in arrays]
    found: dict[str, float] = {}
    for array, names in short:
        if len(names) == 1:
            found[names[0]] = min(found.get(names[0], np.inf), getattr(array, names[0]))
    if found:
        return found
    smallest, names = min(short, key=lambda pair: pair[0].lut)
    return {name: getattr(smallest, name) for name in names}


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
    resources = {"lut": array.lut, "dsp": array.dsp, "bram18": array.bram18, "uram": 0.0}
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
    """What a pass takes, one layer after the other, its power, and the array's resources and mean utilisation.

    Throughput is of images or sequences. The bounds of the latency are those of an array that needs no cycles to fill
    and drain, and of one that waits for a layer's memory before it computes.
    """
    names = ("rows", "columns", "clock_hz", "lut", "lut_low", "lut_high", "ff", "dsp", "bram18")
    latency_s, cycles, macs = (float(np.sum(columns[name])) for name in ("latency_s", "cycles", "macs"))
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
    without the cycles in which the array fills and drains."""
    parts = np.maximum(groups(op), 1)
    tiles = groups(op) * np.ceil(width(op) / array.rows) * np.ceil(height(op) / parts / array.columns)
    matrix = op.count * tiles * np.maximum(pixels(op), array.rows)
    stream = op.count * np.ceil(np.maximum(op.output_elements, op.vector_flops) / array.columns)
    filled = matrix + op.count * (array.rows + array.columns - 2)
    return np.where(on_fabric(op), filled, stream), np.where(on_fabric(op), matrix, stream)


def _moved(op: Op, precision: Precision, array: Array) -> Real:
    """Bytes: inputs and outputs once, weights once for every part of the inputs that the buffers hold."""
    held = np.clip(np.floor(INPUT_WORDS / 2 / np.ceil(np.maximum(width(op), 1) / array.rows)), 1, SUM_WORDS / 2)
    parts = np.where(on_fabric(op), np.ceil(pixels(op) / held), 1.0)
    activations = (op.input_elements + op.output_elements) * precision.activation.bits_per_element
    weight_bits = op.weight_density * (precision.weight.bits_per_element + op.index_bits)
    return op.count * (parts * op.weight_elements * weight_bits + activations) / 8


def _array(ops: Op, precision: Precision, device: Fpga, sides: Folding) -> Array:
    """The array for the layers of a workload: `pe` columns of `simd` rows."""
    matrix = np.flatnonzero(np.broadcast_to(on_fabric(ops), np.shape(ops.b)))
    layers: Op = map_fields(ops, lambda column: column[matrix])
    used: Precision = map_fields(precision, lambda column: column[matrix])
    kind, cells = device.dsp_kind, sides.pe * sides.simd
    blocks = in_dsp(used, sides)
    one = replace(sides, pe=float(cells), simd=1.0)
    dots = dot_lut(layers, used, one, in_dsp=blocks, kind=kind)
    columns = Folding(sides.pe, 1.0)
    outputs = output_lut(layers, used, columns)
    dot, output = float(np.max(dots, initial=0.0)), float(np.max(outputs, initial=0.0))
    acc, weight, activation = (
        float(np.max(bits, initial=0.0))
        for bits in (accumulator_bits(layers, used), used.weight.bits_per_element, used.activation.bits_per_element)
    )
    control = SHARED_UNITS * UNIT
    buffers = (
        ram_blocks(INPUT_WORDS, np.ceil(sides.simd * activation))
        + ram_blocks(SUM_WORDS, sides.pe * acc)
        + ram_blocks(WEIGHT_WORDS, np.ceil(sides.pe * weight))
    )
    error = dot * float(np.max(dot_error(used, in_dsp=blocks), initial=0.0)) + control * OTHER_ERROR
    error += output * float(np.max(output_error(layers, used, columns), initial=0.0))
    total = dot + output + control
    return Array(
        int(sides.simd),
        int(sides.pe),
        float(sides.dsp),
        float(np.min(clock_hz(layers, used, device), initial=float(device.clock_hz))),
        lut=float(np.ceil(total)),
        lut_low=float(np.floor(total - error)),
        lut_high=float(np.ceil(total + error)),
        ff=float(np.ceil(cells * (2 * weight + activation + acc) + control)),
        dsp=float(np.max(dsp(layers, used, sides, kind=kind), initial=0.0)),
        bram18=float(buffers),
    )
