"""An accumulator times a scale below 1, rounded to nearest even and clipped."""

import numpy as np

from costmodel.estimators.fpga.circuits.shift_requantise import clip_parts
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of an accumulator of acc_bits, an unsigned scale `b` and an integer output: the product's rows, then an adder."""
    acc = np.asarray(acc_bits) * 1.0
    long, short = np.maximum(acc, b.bits), np.minimum(acc, b.bits)
    return {
        "rows": (short - 1) * (long + 1),
        "row_count": short * 1.0,
        "by_scale": (acc < b.bits) * (short - 1),
        "accumulator": acc,
        **clip_parts(acc, out),
        "unit": np.ones(()),
    }
