"""A dot product of n exact products, each with the parts of one alone (`product`), their tree and accumulator.

Among others a product takes other sites than alone, so that the constants are of their own; an adder takes a site a bit
(AMD, 7 Series FPGAs Configurable Logic Block, UG474).
"""

import numpy as np

from costmodel.estimators.fpga.adder_tree import tree_growth
from costmodel.estimators.fpga.circuits import product
from costmodel.estimators.fpga.product_shape import product_shape
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of n terms and an accumulator of acc_bits (0: none)."""
    shape, terms = product_shape(a, b), term_parts(a, b)
    return {name: n * part for name, part in terms.items()} | sum_parts(
        shape.fixed, shape.floats > 0, n=n, acc_bits=acc_bits
    )


def term_parts(a: Format, b: Format) -> dict[str, Real]:
    """The parts of one product."""
    return product.parts(a, b, n=1.0, acc_bits=0.0, out=a)


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
