"""An accumulator divided by a power of two, rounded to nearest even and clipped."""

import numpy as np

from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of an accumulator of acc_bits and an integer output."""
    amount = ceil_log2(acc_bits)
    return {
        "shift": acc_bits * np.ceil(amount / 2),
        "shift_odd": acc_bits * (amount % 2),
        "accumulator": np.asarray(acc_bits) * 1.0,
        **clip_parts(acc_bits, out),
        "unit": np.ones(()),
    }


def clip_parts(width: Real, out: Format) -> dict[str, Real]:
    """Of holding `width` bits within an output's range."""
    return {"output": out.bits * 1.0, "clipped": (width - out.bits) * 1.0, "signed": np.asarray(out.signed) * 1.0}
