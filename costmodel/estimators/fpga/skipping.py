"""Units that leave the zeros of N:M weights out: fewer products a row, each on an input picked by a stored place.

Of every run of M inputs a row multiplies the N whose weights are kept: Fang, Zhou, Wang, An Algorithm-Hardware
Co-Optimized Framework for Accelerating N:M Sparse Transformers, arXiv 2208.06118; Liu, Whatmough, Mattina, Systolic
Tensor Array, arXiv 2005.08098. The multiplexers are a model of this project, by structure.
"""

import numpy as np

from costmodel.estimators.fpga.unit import Folding, on_fabric
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload

MOST_JOINED = 16.0
"""Inputs of a multiplexer within a slice, four LUTs of 4 inputs joined by F7 and F8 (AMD, UG474)."""


def skipping(op: Op, folding: Folding) -> Real:
    """Whether a unit skips: N:M weights, and rows that take whole runs of M inputs a cycle.

    A unit of fewer inputs a cycle, and weights that are left out anywhere, store and multiply their zeros.
    """
    run = np.asarray(op.weight_block)
    return on_fabric(op) & (run > 0) & (op.weight_density < 1) & (np.mod(folding.simd, np.maximum(run, 1)) == 0)


def lanes(op: Op, folding: Folding) -> Real:
    """Products of a row a cycle: one an input, but for the zeros that are skipped."""
    return folding.simd * np.where(skipping(op, folding), op.weight_density, 1.0)


def select_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits that the multiplexers of all rows give a cycle, 0 where none is skipped."""
    bits = folding.pe * lanes(op, folding) * np.ceil(precision.activation.bits_per_element)
    return np.where(skipping(op, folding), bits, 0.0)


def select_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs that pick an input of a run for each product: a LUT for every 4 choices of a bit, up to MOST_JOINED."""
    run = np.asarray(op.weight_block)
    bit = np.where(run <= MOST_JOINED, run / 4, (run - 1) / 3)
    return select_bits(op, precision, folding) * bit


def places_bits(op: Op, folding: Folding) -> Real:
    """Bits stored with a weight: its place where zeros are skipped, and what is stored beside weights that all stay."""
    stored = skipping(op, folding) | (np.asarray(op.weight_density) == 1)
    return np.where(stored, op.index_bits, 0.0)


def unskipped(workload: Workload, folding: Folding | None) -> tuple[str, ...]:
    """Names of layers that do more than their strategy asks for, or need hardware that is not counted, with what it is.

    `folding` is of a batch of the ops, None on an overlay, whose array multiplies every zero.
    """
    ops = workload.batch_of_ops
    sparse = on_fabric(ops) & (ops.weight_density < 1)
    kept = sparse if folding is None else sparse & ~skipping(ops, folding)
    dynamic, wide = (on_fabric(ops) & (np.asarray(size) > 0) for size in (ops.full_height, ops.full_width))
    dense = "zeros multiplied, decoder of places not counted" if folding is None else "zeros stored and multiplied"
    filters = dynamic & np.asarray(ops.kind == "conv")
    told = (
        (kept, dense),
        (filters, "all filters run"),
        (dynamic & ~filters, "all products run"),
        (wide & ~dynamic, "gathering of blocks' inputs not counted"),
    )
    return tuple(f"{workload.ops[i].name} ({what})" for where, what in told for i in np.flatnonzero(where))
