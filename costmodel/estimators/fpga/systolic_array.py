"""What a systolic array takes by its sides: multipliers in LUTs and in DSP blocks side by side, and its buffers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.block_ram import ram_blocks, uram_blocks
from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.dot import OTHER_ERROR, dot_error, dot_lut
from costmodel.estimators.fpga.dsp import dsp, in_dsp
from costmodel.estimators.fpga.finn_lut import UNIT
from costmodel.estimators.fpga.output_stage import output_error, output_lut
from costmodel.estimators.fpga.unit import Folding, grouped, on_fabric
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real, map_fields
from costmodel.workload import Op

Floats = NDArray[np.float64]

INPUT_WORDS, SUM_WORDS, WEIGHT_WORDS = 4096.0, 1024.0, 1024.0
"""Words of the buffers, both halves: `rows` inputs, `columns` sums, `columns` weights a word (a judgement)."""
SHARED_UNITS = 4.0
"""Sequencer, address generation and two data movers, each like a unit's control (a judgement)."""


@dataclass(frozen=True)
class Array:
    """`rows` x `columns` multipliers with accumulators, wide enough for every layer, and what the whole design takes.

    A row holds terms of a sum, a column an output; DSP blocks multiply in `dsp_columns`, LUTs in the others. Inputs
    wait in UltraRAM where `uram` is taken, else in block RAM. A batch of arrays has arrays for fields.
    """

    rows: Real
    columns: Real
    dsp_columns: Real
    clock_hz: Real
    lut: Real
    lut_low: Real
    lut_high: Real
    ff: Real
    dsp: Real
    bram18: Real
    uram: Real = 0.0

    def column(self) -> "Array":
        """The same array: it has no field a layer."""
        return self


def array(
    ops: Op, precision: Precision, device: Fpga, rows: Floats, columns: Floats, limits: Mapping[str, float]
) -> Array:
    """A batch of arrays for the layers of a workload, each of float64[arrays] rows and columns.

    As many columns multiply in DSP blocks as `limits` allow, where that saves LUTs, and inputs wait in UltraRAM where
    block RAM alone is more than its limit.
    """
    matrix = np.flatnonzero(np.broadcast_to(on_fabric(ops), np.shape(ops.b)))
    layers: Op = map_fields(ops, lambda column: column[matrix])
    used: Precision = map_fields(precision, lambda column: column[matrix])
    inside, blocks = _dsp_columns(layers, used, device.dsp_kind, rows, columns, limits["dsp"])
    (plain, plain_error), (dotted, dotted_error) = (_cell(layers, used, device.dsp_kind, at) for at in (0.0, 1.0))
    output, wrong = _outputs(layers, used, columns)
    control = SHARED_UNITS * UNIT
    total = rows * (inside * dotted + (columns - inside) * plain) + output + control
    error = rows * (inside * dotted * dotted_error + (columns - inside) * plain * plain_error) + wrong
    acc, weight, activation = (
        float(np.max(bits, initial=0.0))
        for bits in (accumulator_bits(layers, used), used.weight.bits_per_element, used.activation.bits_per_element)
    )
    bram18, uram = _buffers(rows * activation, columns * acc, columns * weight, limits)
    slowest = float(np.min(clock_hz(layers, used, device), initial=float(device.clock_hz)))
    return Array(
        rows,
        columns,
        inside,
        np.full(rows.shape, slowest),
        lut=np.ceil(total),
        lut_low=np.floor(total - error - control * OTHER_ERROR),
        lut_high=np.ceil(total + error + control * OTHER_ERROR),
        ff=np.ceil(rows * columns * (2 * weight + activation + acc) + control),
        dsp=blocks,
        bram18=bram18,
        uram=uram,
    )


def _cell(layers: Op, used: Precision, kind: str, dsp_products: float) -> tuple[float, float]:
    """LUTs of a multiplier with its accumulator, for the dearest layer, and the error of that."""
    one = Folding(1.0, 1.0, dsp_products)
    blocks = in_dsp(used, one)
    return (
        float(np.max(dot_lut(layers, used, one, in_dsp=blocks, kind=kind), initial=0.0)),
        float(np.max(dot_error(used, in_dsp=blocks), initial=0.0)),
    )


def _dsp_columns(
    layers: Op, used: Precision, kind: str, rows: Floats, columns: Floats, most: float
) -> tuple[Floats, Floats]:
    """How many columns multiply in DSP blocks, and the blocks that they take."""
    (plain, _), (dotted, _) = (_cell(layers, used, kind, at) for at in (0.0, 1.0))
    apart = np.broadcast_to(grouped(layers), np.shape(used.weight.name))
    names = zip(used.weight.name, used.activation.name, apart, strict=True)
    each = np.array(sorted({key: i for i, key in enumerate(names)}.values()), dtype=np.int64)
    few: Op = map_fields(layers, lambda column: column[each])
    formats: Precision = map_fields(used, lambda column: column[each])

    def blocks(inside: Floats) -> Floats:
        taken = dsp(few, formats, Folding(inside[:, None], rows[:, None]), kind=kind)
        found: Floats = np.max(np.broadcast_to(taken, (len(rows), len(each))), axis=1, initial=0.0)
        return np.where(inside > 0, found, 0.0)

    low, high = np.zeros(rows.shape), columns if dotted < plain else np.zeros(rows.shape)
    while (low < high).any():
        middle = np.ceil((low + high) / 2)
        fits = blocks(middle) <= most
        low, high = np.where(fits, middle, low), np.where(fits, high, np.minimum(middle - 1, high))
        high = np.maximum(low, high)
    return low, blocks(low)


def _outputs(layers: Op, used: Precision, columns: Floats) -> tuple[Floats, Floats]:
    """LUTs of an output stage a column, for the dearest layer, and how far they may be off."""
    sides, which = np.unique(columns, return_inverse=True)
    at = Folding(sides[:, None], 1.0)
    luts = np.max(output_lut(layers, used, at), axis=1, initial=0.0)
    error = np.max(
        np.broadcast_to(output_error(layers, used, at), (len(sides), np.size(layers.b))), axis=1, initial=0.0
    )
    return luts[which], (luts * error)[which]


def _buffers(inputs: Floats, sums: Floats, weights: Floats, limits: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Blocks of block RAM and of UltraRAM of the buffers, by the bits of their words."""
    waiting, inputs = ram_blocks(INPUT_WORDS, np.ceil(inputs)), np.ceil(inputs)
    rest = ram_blocks(SUM_WORDS, sums) + ram_blocks(WEIGHT_WORDS, np.ceil(weights))
    ultra = uram_blocks(INPUT_WORDS, inputs)
    moved = (waiting + rest > limits["bram18"]) & (ultra <= limits["uram"])
    return np.where(moved, rest, waiting + rest), np.where(moved, ultra, 0.0)
