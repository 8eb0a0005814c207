"""Block RAMs of a layer's unit: 18 Kb ones for weights and sliding-window buffers, or URAM for weights."""

import numpy as np

from costmodel.estimators.fpga.coverage import finn_covered
from costmodel.estimators.fpga.unit import LUT_WORDS, Folding, on_fabric, weight_depth, window_lanes, windowed
from costmodel.estimators.fpga.window import buffer_words, buffers
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

DEEPEST = 16384
"""Words of an 18 Kb block at one bit a word (Xilinx UG573, table 1-10)."""


def blocks(depth: Real, bits: Real) -> Real:
    """Blocks of a memory of `depth` words of `bits`, the word width following the depth (UG573, table 1-10).

    The ladder of FINN's bram_estimation for weights (FINN-R, doi 10.1145/3242897): the narrowest of 1, 2, 4, 9 and 18
    bits that holds the word, 36 where at most 512 words are deep.
    """
    rungs = [(1, 16384), (2, 8192), (4, 4096), (9, 2048)]
    wide = np.where((bits <= 18) | (depth > 512), _array(depth, bits, 18, 1024), _array(depth, bits, 36, 512))
    return np.select([bits <= w for w, _ in rungs], [_array(depth, bits, w, d) for w, d in rungs], wide)


def buffer_blocks(depth: Real, bits: Real) -> Real:
    """Blocks of a line buffer: full columns of one-bit-wide blocks, and the narrowest shape that holds the remainder.

    FINN, ConvolutionInputGenerator_rtl.bram_estimation.
    """
    columns = np.maximum(np.ceil(depth / DEEPEST), 1)
    remainder = depth - (columns - 1) * DEEPEST
    shapes = [(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2)]
    word = np.select([remainder <= d for d, _ in shapes], [float(w) for _, w in shapes], 1.0)
    return (columns - 1) * bits + np.ceil(bits / word)


def bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """18 Kb blocks of weights and buffers too deep for LUTs: zero for an op that is no unit, nan without a formula."""
    depth = weight_depth(op, folding)
    weights = blocks(depth, folding.pe * folding.simd * precision.weight.bits)
    here = (depth > LUT_WORDS) & (np.asarray(folding.uram) == 0)
    words = buffer_words(op, folding)
    lines = buffers(op, folding) * buffer_blocks(words, window_lanes(op, folding) * precision.activation.bits)
    total = np.where(here, weights, 0.0) + np.where(windowed(op) & (words > LUT_WORDS), lines, 0.0)
    return np.where(on_fabric(op), np.where(finn_covered(precision), total, np.nan), 0.0)


def uram(op: Op, precision: Precision, folding: Folding) -> Real:
    """288 Kb blocks, of 4,096 words of 72 bits, where the folding puts weights there (FINN, uram_estimation)."""
    depth, bits = weight_depth(op, folding), folding.pe * folding.simd * precision.weight.bits
    here = (depth > LUT_WORDS) & (np.asarray(folding.uram) > 0)
    total = np.where(here, np.ceil(bits / 72) * np.ceil(depth / 4096), 0.0)
    return np.where(on_fabric(op), np.where(finn_covered(precision), total, np.nan), 0.0)


def _array(depth: Real, bits: Real, word_bits: int, words: int) -> Real:
    return np.ceil(depth / words) * np.ceil(bits / word_bits)
