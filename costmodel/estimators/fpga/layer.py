"""LUTs and flip-flops of a layer, by part."""

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.dot import OTHER_ERROR, dot_error, dot_lut
from costmodel.estimators.fpga.dsp import in_dsp
from costmodel.estimators.fpga.finn_lut import UNIT
from costmodel.estimators.fpga.memory import (
    converter_lut,
    fifo_lut,
    line_lut,
    replay_lut,
    stream_bits,
    weight_lut,
    weight_word_bits,
)
from costmodel.estimators.fpga.output_stage import output_error, output_lut
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.skipping import lanes, select_bits, select_lut
from costmodel.estimators.fpga.unit import Folding, on_fabric, streaming, weight_depth, windowed
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

CONTROL = UNIT
"""LUTs of the counters and handshakes of a matrix or sliding-window unit: c0 of FINN-R's fit, doi 10.1145/3242897."""
POOL_BITS = 2.0
"""LUTs a bit of a stream's comparison and its choice; an average's adder takes no more."""
REGISTERED_LEVELS = (1, 3, 5, 7, 9, 11)
"""Levels of the adder tree, counted from the products, after which there is a register: every second one."""


def lut_parts(op: Op, precision: Precision, folding: Folding, *, kind: str) -> dict[str, Real]:
    """LUTs by part: those of a matrix unit, of a pooling or a sum, and of what stands before either."""
    matrix, stream, bits = on_fabric(op), streaming(op), precision.activation.bits_per_element
    dot = dot_lut(op, precision, folding, in_dsp=in_dsp(precision, folding), kind=kind)
    return {
        "dot": np.where(matrix, dot, 0.0),
        "output": np.where(matrix, output_lut(op, precision, folding), 0.0),
        "weights": weight_lut(op, precision, folding),
        "window": line_lut(op, precision, folding) + np.where(windowed(op), CONTROL, 0.0),
        "stream": np.where(stream, POOL_BITS * folding.pe * (bits + 1), 0.0),
        "select": select_lut(op, precision, folding),
        "replay": replay_lut(op, precision, folding),
        "converter": converter_lut(op, precision, folding),
        "queue": fifo_lut(op, precision, folding),
        "control": np.where(matrix, CONTROL, 0.0) + np.where(stream, CONTROL / 3, 0.0),
    }


def synthesised(kind: str) -> bool:
    """Whether the fabric beside such DSP blocks is of the families synthesised for: LUT6 with carry chains of four or
    eight, as in 7-series and UltraScale+; Versal's and Intel's differ."""
    return kind in ("DSP48E1", "DSP48E2")


def lut_interval(
    parts: dict[str, Real], op: Op, precision: Precision, folding: Folding, *, kind: str
) -> tuple[Real, Real]:
    """The least and most LUTs, whole: held-out errors of dot products and outputs, OTHER_ERROR of every other part.

    On a fabric other than that of the designs synthesised (`synthesised`), OTHER_ERROR of all.
    """
    total = sum(parts.values())
    dot, output = parts["dot"], parts["output"]
    error = dot * dot_error(precision, in_dsp=in_dsp(precision, folding))
    error = error + output * output_error(op, precision, folding) + (total - dot - output) * OTHER_ERROR
    error = np.where(synthesised(kind), error, total * OTHER_ERROR)
    return np.floor(np.maximum(total - error, 0.0)), np.ceil(total + error)


def ff(op: Op, precision: Precision, folding: Folding) -> Real:
    """Flip-flops: inputs, products, every second level of the tree, accumulators, outputs twice, a word of the queue,
    one of the width converter, inputs picked where zeros are skipped, and the word read of weights in LUT memories.

    A pipeline model by structure, not measured: products in DSP blocks have their registers inside.
    """
    shape, simd = product_shape(precision.weight, precision.activation), lanes(op, folding)
    products = np.where(in_dsp(precision, folding), 0.0, simd * shape.fixed)
    tree = sum(
        np.where(simd >= 2.0**level, np.ceil(simd / 2.0**level) * (shape.fixed + level), 0.0)
        for level in REGISTERED_LEVELS
    )
    row = products + tree + accumulator_bits(op, precision) + 2 * precision.written.bits
    words = stream_bits(op, precision, folding)
    weights = np.where(weight_depth(op, folding) <= folding.lut_words, weight_word_bits(op, precision, folding), 0.0)
    matrix = folding.pe * row + select_bits(op, precision, folding) + 3 * words + weights + CONTROL
    stream = 3 * folding.pe * (precision.activation.bits + 1) + words + CONTROL / 3
    return np.ceil(np.where(on_fabric(op), matrix, np.where(streaming(op), stream, 0.0)))
