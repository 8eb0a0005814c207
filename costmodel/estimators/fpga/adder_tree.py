"""Bits of a balanced adder tree, as array formulas over its terms."""

import numpy as np

from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.record import Real

MOST_LEVELS = 16
"""Levels of an adder tree: at most 2^16 terms."""


def tree_growth(n: Real) -> Real:
    """Bits that the adders of a balanced tree over n terms have beyond a term's own, summed: ceil(log2) of each span.

    Level d splits n into 2^d spans of floor(n / 2^d) or one more. With n = 2^(k-1) + r and 0 < r <= 2^(k-1), the long
    spans add k - d bits each, the short ones one less from the level on where they hold 2^(k-1-d) terms, whose sum is
    closed: 2^k - k - 2 + 2^t + r (k - t), t = floor(log2 r) + 1.
    """
    n = np.maximum(n, 1.0)
    fraction, exponent = np.frexp(n)
    k = exponent - (fraction == 0.5)
    power = n / np.where(fraction == 0.5, 1.0, fraction)
    rest = n - power / 2
    fraction, exponent = np.frexp(rest)
    t = np.maximum(exponent, 0)
    return power - k - 2 + np.maximum(rest / fraction, 1.0) + rest * (k - t)


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
