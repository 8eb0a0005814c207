"""LUTs of a layer's unit.

FINN-R, doi 10.1145/3242897, as lut_estimation of FINN's MVAU_hls and ConvolutionInputGenerator_rtl states it.
"""

import numpy as np

from costmodel.estimators.fpga.accumulator import integer_bits
from costmodel.estimators.fpga.coverage import finn_covered
from costmodel.estimators.fpga.finn_dsp import in_dsp
from costmodel.estimators.fpga.finn_requantisation import LUTRAM_WORDS, multiplier, requantisation_lut
from costmodel.estimators.fpga.unit import LUT_WORDS, Folding, on_fabric, weight_depth, window_lanes, windowed
from costmodel.estimators.fpga.window import buffer_words, buffers
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

UNIT = 300.0
"""Control logic of a unit (c0 of FINN-R's fit, and FINN's constant of a sliding-window unit)."""
OVERHEAD = 1.1
"""Synthesised over counted LUTs of the datapath (c1 of FINN-R's fit)."""
BUFFER_WORDS = 38
"""Words a LUT stores in a sliding-window buffer, its addressing included (FINN, ConvolutionInputGenerator_rtl)."""


def matrix_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """c0 + c1 PE (products + adder tree + accumulator + requantisation) + LUT memory of shallow weights."""
    bits = precision.weight.bits + precision.activation.bits
    blocks = in_dsp(precision, folding)
    products = np.where(blocks, 0.0, folding.simd * multiplier(bits))
    tree = bits * (2 * folding.simd - 1)
    requantisation = requantisation_lut(op, precision, folding, in_dsp=blocks)
    row = products + tree + integer_bits(op, precision) + requantisation
    depth = weight_depth(op, folding)
    memory = folding.pe * folding.simd * precision.weight.bits * np.ceil(depth / LUTRAM_WORDS)
    return UNIT + OVERHEAD * folding.pe * row + np.where(depth <= LUT_WORDS, memory, 0.0)


def window_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """The sliding-window unit: control, and its buffers where they are shallow."""
    words = buffer_words(op, folding)
    bits = window_lanes(op, folding) * precision.activation.bits
    memory = np.where(words <= LUT_WORDS, buffers(op, folding) * bits * np.ceil(words / BUFFER_WORDS), 0.0)
    return np.where(windowed(op), UNIT + memory, 0.0)


def lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs of matrix and sliding-window units: zero for an op that is none, nan for a format without a formula.

    A unit's LUTs are a whole number, rounded down as FINN rounds them, so that sums over layers are exact.
    """
    total = np.floor(matrix_lut(op, precision, folding)) + np.floor(window_lut(op, precision, folding))
    return np.where(on_fabric(op), np.where(finn_covered(precision), total, np.nan), 0.0)
