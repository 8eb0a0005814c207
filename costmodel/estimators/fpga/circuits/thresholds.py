"""A binary search over stored thresholds: a comparison an output bit, between thresholds that known bits choose."""

import numpy as np

from costmodel.formats import Format
from costmodel.record import Real

MOST_BITS = 16
"""Bits of the widest output."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of an accumulator of acc_bits and an unsigned output: a threshold of 2^k for the k-th comparison."""
    bits = np.asarray(out.bits)
    chosen = sum(np.where(bits > level, (2.0**level - 1) / 3, 0.0) for level in range(2, MOST_BITS))
    return {
        "compare": bits * np.asarray(acc_bits) * 1.0,
        "first_choice": acc_bits * (bits > 1),
        "choices": acc_bits * chosen,
        "select": bits * 1.0,
        "unit": np.ones(()),
    }
