"""DSP blocks of a layer's unit."""

import numpy as np

from costmodel.estimators.fpga.coverage import finn_covered
from costmodel.estimators.fpga.finn_requantisation import scaled
from costmodel.estimators.fpga.unit import Folding, grouped, on_fabric
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUT_BITS = 4
"""Products of operands up to so many bits stay in LUTs: synthesis tools keep 4 x 4 there."""


def in_dsp(precision: Precision, folding: Folding) -> Real:
    """Whether products take DSP blocks: an operand is wider than LUT_BITS and the folding lets them."""
    widest = np.maximum(precision.weight.bits, precision.activation.bits)
    return (np.asarray(folding.dsp) > 0) & (widest > LUT_BITS)


def matrix_dsp(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Blocks for PE x SIMD products a cycle, if all are in DSPs.

    DSP48: up to 8 bits two rows that share an input pack into one block, ceil(PE / 2) SIMD (finn-rtllib,
    mvu_8sx8u_dsp48); wider ones and rows that share none take ceil((W + A) / 48) each (FINN, dsp_estimation). DSP58:
    three 9 x 8 products of one row a block, PE ceil(SIMD / 3) (FINN, MVAU_rtl.dsp_estimation). Intel: two 18 x 19
    products a block (Intel Arria 10 Device Overview).
    """
    pe, simd = folding.pe, folding.simd
    bits = precision.weight.bits + precision.activation.bits
    single = pe * simd * np.ceil(bits / 48)
    narrow = (precision.weight.bits <= 8) & (precision.activation.bits <= 8)
    if kind == "IntelDSP":
        return np.ceil(pe * simd / 2)
    if kind == "DSP58":
        return np.where(narrow, pe * np.ceil(simd / 3), single)
    return np.where(narrow & np.logical_not(grouped(op)), np.ceil(pe / 2) * simd, single)


def dsp(op: Op, precision: Precision, folding: Folding, *, kind: str) -> Real:
    """Blocks of products, and one a PE that requantises by a scale; nan for a format without a formula."""
    requantisation = np.where(scaled(op, precision, folding), folding.pe, 0.0)
    blocks = matrix_dsp(op, precision, folding, kind=kind) + requantisation
    total = np.where(in_dsp(precision, folding), blocks, 0.0)
    return np.where(on_fabric(op), np.where(finn_covered(precision), total, np.nan), 0.0)
