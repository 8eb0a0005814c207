"""n integers kept, inverted or dropped by binary or ternary weights, their tree, and a count that ends negation."""

import numpy as np

from costmodel.estimators.fpga.adder_tree import tree_growth
from costmodel.estimators.fpga.circuits.binary_dot import count_parts
from costmodel.estimators.fpga.product_shape import ceil_log2
from costmodel.formats import Format
from costmodel.record import Real


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of integers `a` and weights `b` (2 bits: ternary)."""
    width = a.bits + 1.0 - np.asarray(a.signed)
    ternary = (np.asarray(b.bits) > 1) * 1.0
    tree = (n - 1) * width + tree_growth(n)
    return count_parts(n) | {
        "terms": n * width,
        "terms_ternary": ternary * n * width,
        "signs_ternary": ternary * n,
        "tree": tree,
        "adders": np.asarray(n) - 1.0,
        "result": width + ceil_log2(n) + 1,
        "accumulator": np.asarray(acc_bits) * 1.0,
        "unit": np.ones(()),
    }
