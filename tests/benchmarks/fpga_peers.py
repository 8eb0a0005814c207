"""Peers' LUTs of the units that were synthesised: whole-code products in rows, and FINN-R's published formulas.

Blott et al., FINN-R, doi 10.1145/3242897. FINN has no minifloats and no shared scales: its formulas take the operands'
bits alone, an MX block's without its alignment.
"""

import numpy as np
import pandas as pd

from costmodel.estimators.fpga.finn_requantisation import multiplier
from profilers.fpga.codes import get

SUMS = ("product", "dot", "binary_dot", "sign_dot", "mx_dot")
FINN = (*SUMS, "thresholds", "requantise")


def finn(rows: pd.DataFrame) -> np.ndarray:
    """FINN-R's LUTs of one unit's rows, without its constant of a whole layer's control; nan where it has no formula.

    n products, tree and accumulator; 2^bits - 1 comparators of thresholds; the product of its requantiser.
    """
    unit, acc = rows["unit"].iloc[0], rows["acc_bits"].to_numpy()
    if unit == "thresholds":
        return (2.0 ** _bits(rows["out_format"]) - 1) * acc
    if unit == "requantise":
        return multiplier(acc + _bits(rows["b_format"])) + acc
    if unit not in SUMS:
        return np.full(len(rows), np.nan)
    bits, n = _bits(rows["a_format"]) + _bits(rows["b_format"]), rows["n"].to_numpy()
    return n * multiplier(bits) + np.where(n > 1, bits * (2 * n - 1), 0) + acc


def behavioural(rows: pd.DataFrame) -> np.ndarray:
    """a*b on whole codes: a row of the longer operand's bits for each bit of the shorter; tree and accumulator.

    The tree and the accumulator take a site a bit. nan of units that sum no products.
    """
    if rows["unit"].iloc[0] not in SUMS:
        return np.full(len(rows), np.nan)
    a, b, n = _bits(rows["a_format"]), _bits(rows["b_format"]), rows["n"].to_numpy()
    return n * a * b + (n - 1) * (a + b + np.log2(np.maximum(n, 1)) / 2) + rows["acc_bits"].to_numpy()


def _bits(names: "pd.Series[str]") -> np.ndarray:
    return np.array([get(name).bits for name in names])
