"""A block's dot product, moved by both shared scales into the accumulator.

The move is a right shift of the sum's K bits within the accumulator: two bits of its amount a level of multiplexers.
The amount is the accumulator's width less both scales, held within what moves at all.
"""

import numpy as np

from costmodel.estimators.fpga.circuits import dot
from costmodel.estimators.fpga.product_shape import ceil_log2, product_shape
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:
    """Of the block's dot product at a dot's own constants, and of its alignment."""
    inner = dot.parts(a, b, n=n, acc_bits=0.0, out=out)
    factors = calibration("dot").constants
    total = product_shape(a, b).fixed + ceil_log2(n)
    amount = ceil_log2(acc_bits + total + 1)
    return {
        "dot": sum(factors[name] * part for name, part in inner.items()),
        "accumulator": np.asarray(acc_bits) * 1.0,
        "align": acc_bits * np.ceil(amount / 2),
        "align_odd": acc_bits * (amount % 2),
        "align_sum": total * np.ceil(amount / 2),
        "amount": amount,
        "unit": np.ones(()),
    }
