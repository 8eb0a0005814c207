"""A session's file holds rows of several tables; each by itself is what fits and predictions take."""

import numpy as np
import pandas as pd

RATES, OPERATIONS = "rate", "operation"
"""Tables of plateaus of bandwidth and of launches, which no model predicts as such, and of library calls."""

AS_CALLS = {"copy": 2.0, "launch": 2.0}
"""Rates that are calls of the family of sums, and how many operands their `bytes` count: an empty launch adds to one
element in place."""

SUM = "elementwise_fp32"

POWER_TABLE = "gemm"
"""The table whose board power is modelled."""


def split(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each table with its own columns; a file without a `table` column is one table."""
    if "table" not in rows.columns:
        return [rows]
    if OPERATIONS in set(rows["table"]) and RATES in set(rows["table"]):
        rows = pd.concat([rows, _as_calls(rows)])
    found = []
    for name, part in rows.groupby("table", sort=True):
        if name != RATES:
            unused = [c for c in part.columns if part[c].isna().all()] + ["table"]
            unused += ["power_w"] if name != POWER_TABLE and "power_w" in part.columns else []
            found.append(part.drop(columns=sorted(set(unused))))
    if not found:
        raise ValueError(f"no row is of a table that a model predicts; there are {', '.join(rows['table'].unique())}")
    return found


def _as_calls(rows: pd.DataFrame) -> pd.DataFrame:
    """The copies and empty launches among the rates as rows of library calls: what the plateaus are known by."""
    rates = rows[(rows["table"] == RATES) & rows["math"].isin(list(AS_CALLS))]
    each = np.maximum(rates["bytes"] / 4.0 / rates["math"].map(AS_CALLS).astype(float), 1.0)
    counts = dict.fromkeys(("m", "n", "k", "area", "positions"), 1.0) | dict.fromkeys(("b", "weight_elements"), 0.0)
    moved = {"input_elements": each, "output_elements": each, "vector_flops": 0.0}
    return rates.assign(table=OPERATIONS, math=SUM, **counts, **moved)
