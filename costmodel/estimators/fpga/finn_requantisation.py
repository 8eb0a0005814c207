"""From accumulator to output bits: thresholds, or scale, bias and clip, whichever takes fewer LUTs.

Thresholds are FINN-R's (doi 10.1145/3242897; FINN, MVAU_hls.lut_estimation): 2^bits - 1 comparators and stored values a
row, so that they double with each bit. The other is FINN's Requant unit, clip(round(scale x + bias)), for which FINN
gives no LUT formula: here its product costs what FINN-R's multiplier term says, its adder one LUT a bit, its parameters
LUT memory. Output bits are the op's own activation bits; the last layer of a network needs neither and is counted too.
"""

import numpy as np

from costmodel.estimators.fpga.accumulator import integer_bits
from costmodel.estimators.fpga.unit import Folding, height, matrices
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUTRAM_WORDS = 64
"""Words that one LUT stores a bit of (FINN, lut_estimation)."""
SCALE_BITS = 25
"""Bits of a requantisation scale (FINN, Requant: its multiplier's operand)."""


def multiplier(bits: Real) -> Real:
    """LUTs of one product, `bits` the sum of both operands' widths (FINN-R)."""
    return (2 * np.ceil(bits / 6) - 1) * bits


def thresholds(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs a PE for comparators and their memory: (2^bits - 1) accumulator_bits (1 + ceil(rows a PE / 64))."""
    rows = np.ceil(matrices(op) * height(op) / folding.pe / LUTRAM_WORDS)
    return (2.0**precision.activation.bits - 1) * integer_bits(op, precision) * (1 + rows)


def scaling(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs a PE for a bias adder and the memory of both parameters; the product apart."""
    accumulator, rows = integer_bits(op, precision), np.ceil(matrices(op) * height(op) / folding.pe / LUTRAM_WORDS)
    return accumulator + (accumulator + SCALE_BITS) * rows


def scaled(op: Op, precision: Precision, folding: Folding) -> Real:
    """Whether scale and bias take fewer LUTs than thresholds, their product in LUTs too."""
    product = multiplier(integer_bits(op, precision) + SCALE_BITS)
    return product + scaling(op, precision, folding) < thresholds(op, precision, folding)


def requantisation_lut(op: Op, precision: Precision, folding: Folding, *, in_dsp: Real) -> Real:
    """LUTs a PE of the cheaper of both; a product `in_dsp` takes none."""
    product = np.where(in_dsp, 0.0, multiplier(integer_bits(op, precision) + SCALE_BITS))
    by_scale = product + scaling(op, precision, folding)
    return np.where(scaled(op, precision, folding), by_scale, thresholds(op, precision, folding))
