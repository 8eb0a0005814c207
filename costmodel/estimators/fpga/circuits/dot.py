"""A dot product of n exact products: their tree and accumulator.

The multiplier is a row of carry logic for each further bit of the short significand; the shifter moves by two bits of
its amount in one LUT level, a 4-to-1 multiplexer a LUT (AMD, 7 Series FPGAs Configurable Logic Block, UG474); an adder
takes a site a bit.
"""

import numpy as np

from costmodel.estimators.fpga.adder_tree import tree_growth
from costmodel.estimators.fpga.product_shape import ProductShape, product_shape
from costmodel.formats import Format
from costmodel.record import Real

TABLE_BITS = 6
"""Significands of so many bits together multiply in one LUT an output bit."""
MOST_STAGES = 4
"""Levels of 4-to-1 multiplexers in a shifter: amounts of at most 8 bits."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of n terms and an accumulator of acc_bits (0: none)."""
    shape = product_shape(a, b)
    return {name: n * part for name, part in term_parts(shape).items()} | sum_parts(
        shape.fixed, shape.floats > 0, n=n, acc_bits=acc_bits
    )


def term_parts(shape: ProductShape) -> dict[str, Real]:
    """The parts of one product."""
    return _multiplier(shape) | _exponents(shape) | _shifter(shape)


def sum_parts(fixed: Real, is_float: Real, *, n: Real, acc_bits: Real) -> dict[str, Real]:
    """The parts that a unit has once, of n products of `fixed` bits: its adder tree and accumulator."""
    tree = (n - 1) * fixed + tree_growth(n)
    return {
        "tree": tree,
        "tree_float": tree * is_float,
        "adders": np.asarray(n) - 1.0,
        "accumulator": np.asarray(acc_bits) * 1.0,
        "unit": np.ones(()),
    }


def _multiplier(s: ProductShape) -> dict[str, Real]:
    table = (s.short > 1) & (s.long + s.short <= TABLE_BITS)
    rows = (s.short > 1) & ~table
    return {
        "gate": np.where(s.short == 1, s.long, 0.0),
        "table": np.where(table, s.long + s.short, 0.0),
        "rows": np.where(rows, (s.short - 1) * (s.long + 1) + 1, 0.0),
        "rows_signed": np.where(rows, (s.short - 1) * s.long_signed, 0.0),
        "last_row_signed": np.where(rows, s.short_signed, 0.0),
    }


def _exponents(s: ProductShape) -> dict[str, Real]:
    is_float = (s.floats > 0) * 1.0
    both = s.wide_exponents > 1
    return {
        "float": is_float,
        "hidden": s.wide_exponents,
        "exponent": s.exponent_bits,
        "special": s.specials,
        "power": (s.short == 1) * 1.0,
        "power_sum": ((s.short == 1) & both) * 1.0,
        "exponent_sum": np.where(both, s.exponent_widest + 1, 0.0),
        "sign": is_float * s.signed_product,
        "sign_power": np.where((s.short == 1) & (s.floats > 0), s.signed_product, 0.0),
        "sign_integer": is_float * (s.long_signed + s.short_signed),
    }


def _shifter(s: ProductShape) -> dict[str, Real]:
    """Bits that are alive after each level of the shifter; none where nothing moves."""
    stages = np.ceil(s.amount_bits / 2)
    alive = [
        np.minimum(s.signed_product + 2.0 ** np.minimum(2 * k + 2, s.amount_bits) - 1, s.fixed)
        for k in range(MOST_STAGES)
    ]
    both = s.wide_exponents > 1
    return {
        "shift_first": np.where(stages > 0, alive[0], 0.0),
        "shift_middle": sum(np.where(stages - 1 > k, alive[k], 0.0) for k in range(1, MOST_STAGES)),
        "shift_last": np.where(stages > 1, s.fixed, 0.0),
        "shift_odd": np.where((s.amount_bits % 2 > 0) & (stages > 1), s.fixed, 0.0),
        "shift_output": np.where(stages > 0, s.fixed, 0.0),
        "shift_sum": np.where(both, s.signed_product, 0.0),
        "amount": s.amount_bits,
        "amount_sum": np.where(both, s.amount_bits, 0.0),
    }
