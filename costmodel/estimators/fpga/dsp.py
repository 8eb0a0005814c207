"""DSP blocks of a layer's products, packed by hand where several fit one block, and what LUTs they leave."""

import numpy as np

from costmodel.estimators.fpga.hard_product import LEAST_PRODUCT_BITS, product_blocks
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.estimators.fpga.skipping import lanes, skipping
from costmodel.estimators.fpga.unit import Folding, grouped, on_fabric
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

PACKED_ROWS = ((4.0, 4.0), (8.0, 2.0))
"""Bits of the wider operand, and rows that share an input within one DSP48: finn-rtllib, mvu_4sx4u and mvu_8sx8u_dsp48
(4 and 2 lanes). DSP48E1's narrower port leaves -8 out of 4-bit weights."""
DOT_TERMS = 3.0
"""Terms of one row that a DSP58 multiplies and adds, 9 x 8 bits (AMD AM004; FINN, MVAU_rtl.dsp_estimation)."""
INTEL_BITS, INTEL_PRODUCTS = 18.0, 2.0
"""Two 18 x 19 products a block, else one of 27 x 27 (Intel Arria 10 Device Overview, document 683332)."""


def may_use_dsp(precision: Precision) -> Real:
    """Whether products suit DSP blocks: integers of two bits or more, significands whose product LUTs do not hold."""
    shape = product_shape(precision.weight, precision.activation)
    codes = np.asarray(precision.weight.encoding == "codebook") | (precision.activation.encoding == "codebook")
    large = shape.long + shape.short >= LEAST_PRODUCT_BITS
    return (shape.short >= 2) & ~codes & ((shape.floats == 0) | large)


def in_dsp(precision: Precision, folding: Folding) -> Real:
    """Whether products take DSP blocks: they suit them and the folding lets them."""
    return (np.asarray(folding.dsp) > 0) & may_use_dsp(precision)


def packed_rows(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Rows whose products share one block: 1 where rows share no input, operands are too wide, or one is a float.

    Rows that skip zeros each pick inputs of their own.
    """
    if kind == "IntelDSP":
        return np.ones(np.broadcast(op.b, precision.weight.bits).shape)
    shape = product_shape(precision.weight, precision.activation)
    rows = np.select([shape.long <= bits for bits, _ in PACKED_ROWS], [rows for _, rows in PACKED_ROWS], 1.0)
    return np.where(grouped(op) | skipping(op, folding) | (shape.floats > 0), 1.0, rows)


def matrix_dsp(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Blocks for PE x `lanes` products a cycle, if all are in DSPs; of minifloats for their significands' products."""
    pe, simd, shape = folding.pe, lanes(op, folding), product_shape(precision.weight, precision.activation)
    if kind == "IntelDSP":
        return np.ceil(pe * simd / np.where(shape.long <= INTEL_BITS, INTEL_PRODUCTS, 1.0))
    rows = packed_rows(op, precision, folding, kind=kind)
    signed = (shape.long_signed + shape.short_signed > 0) * 1.0
    one = np.maximum(product_blocks(shape.long, shape.short, signed=signed, kind=kind), 1.0)
    packed = np.ceil(pe / rows) * simd * one
    if kind != "DSP58":
        return packed
    dotted = np.where((shape.long <= 9) & (shape.short <= 8), pe * np.ceil(simd / DOT_TERMS), np.inf)
    return np.minimum(packed, dotted)


def dsp(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Blocks of products; requantisation stays in LUTs. Zero for an op that is no matrix unit."""
    total = np.where(in_dsp(precision, folding), matrix_dsp(op, precision, folding, kind=kind), 0.0)
    return np.where(on_fabric(op), total, 0.0)
