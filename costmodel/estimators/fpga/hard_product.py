"""DSP blocks of one product of two integers, without packing: as synthesis maps the operator `*`."""

import numpy as np

from costmodel.record import Real

MOST_A_BITS = {"DSP48E1": 25, "DSP48E2": 27, "DSP58": 27}
"""Bits of the multiplier's wider signed input (AMD UG479, UG579, AM004)."""
MOST_B_BITS = 18.0
"""Of the narrower one; DSP58 has 24 there (AM004), of which synthesis without its own mapping makes no use here."""
SLICE_BITS = 17.0
"""Unsigned bits of a slice of a wider operand: 18 with its sign."""
LEAST_BITS, LEAST_PRODUCT_BITS = 2.0, 9.0
"""Narrower operands and products stay in LUTs: those up to 4 x 4 (AMD, Vivado Synthesis, UG901)."""


def product_blocks(a_bits: Real, b_bits: Real, *, signed: Real, kind: str) -> Real:
    """DSP blocks of a product of integers, both signed or both not (a block's inputs are signed); arrays broadcast.

    Yosys' mul2dsp: the wider operand is cut into slices of 17 bits beyond MOST_A_BITS, the narrower beyond MOST_B_BITS;
    a product of slices too small for a block stays in LUTs. `kind` is DSP48E1, DSP48E2 or DSP58 of Fpga.dsp_kind.
    """
    wide, narrow = np.maximum(a_bits, b_bits) * 1.0, np.minimum(a_bits, b_bits) * 1.0
    mapped = (narrow >= LEAST_BITS) & (wide + narrow >= LEAST_PRODUCT_BITS)
    extra = 1.0 - np.asarray(signed)
    slices, last = _cut(wide + extra, float(MOST_A_BITS[kind]))
    rows, rest = _cut(narrow + extra, MOST_B_BITS)
    full = SLICE_BITS + 1
    total = slices * rows + slices * _fits(full, rest) + rows * _fits(last, full) + _fits(last, rest)
    return np.where(mapped, total, 0.0)[()]


def _cut(bits: Real, most: float) -> tuple[Real, Real]:
    """How many full slices, and the bits that remain."""
    slices = np.maximum(np.ceil((bits - most) / SLICE_BITS), 0.0)
    return slices, bits - SLICE_BITS * slices


def _fits(a_bits: Real, b_bits: Real) -> Real:
    least = np.minimum(a_bits, b_bits) >= LEAST_BITS
    return (least & (np.asarray(a_bits) + b_bits >= LEAST_PRODUCT_BITS)) * 1.0
