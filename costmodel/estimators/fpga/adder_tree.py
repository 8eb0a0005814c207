"""Bits of a balanced adder tree, as array formulas over its terms."""

import numpy as np

from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.record import Real

MOST_LEVELS = 16
"""Levels of an adder tree: at most 2^16 terms."""


def tree_growth(n: Real) -> Real:
    """Bits that the adders of a balanced tree over n terms have beyond a term's own, summed: ceil(log2) of each span.

    Level d splits n into 2^d spans of floor(n / 2^d) or one more.
    """
    n, total = np.asarray(n, dtype=np.float64), np.zeros(np.shape(n))
    for level in range(MOST_LEVELS):
        spans = 2.0**level
        short = np.floor(n / spans)
        longer = n - short * spans
        total = total + (spans - longer) * ceil_log2(short) + longer * ceil_log2(short + 1)
    return total


def tree_registers(n: Real, width: Real) -> Real:
    """Flip-flops of a tree with registers after its terms of `width` bits and after each level, paths equally long."""
    n, total = np.asarray(n, dtype=np.float64), np.zeros(np.broadcast_shapes(np.shape(n), np.shape(width)))
    for level in range(MOST_LEVELS + 1):
        spans = np.minimum(2.0**level, n)
        short = np.floor(n / spans)
        longer = n - short * spans
        bits = spans * width + (spans - longer) * ceil_log2(short) + longer * ceil_log2(short + 1)
        total = total + np.where(2.0**level < 2 * n, bits, 0.0)
    return total
