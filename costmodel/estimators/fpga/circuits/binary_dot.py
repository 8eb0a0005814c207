"""Agreements of n bit pairs: two LUTs count three pairs, a tree adds the counts of two bits."""

import numpy as np

from costmodel.estimators.fpga.adder_tree import tree_growth
from costmodel.formats import Format
from costmodel.record import Real

PAIRS = 3
"""Bit pairs whose agreements one LUT6 an output bit counts."""


def parts(a: Format, b: Format, *, n: Real, acc_bits: Real, out: Format) -> dict[str, Real]:  # noqa: ARG001
    """Of n pairs and an accumulator of acc_bits (0: none)."""
    return count_parts(n) | {"accumulator": np.asarray(acc_bits) * 1.0, "unit": np.ones(())}


def count_parts(n: Real) -> dict[str, Real]:
    """Of counting n bits."""
    groups = np.ceil(np.asarray(n) / PAIRS)
    return {"groups": groups, "count_adders": groups - 1, "count_tree": 2 * (groups - 1) + tree_growth(groups)}
