"""A session's file holds rows of several tables; each by itself is what fits and predictions take."""

import pandas as pd

UNPREDICTED = ("rate",)
"""Tables that no model predicts: plateaus of bandwidth, launches."""

POWER_TABLE = "gemm"
"""The table whose board power is modelled."""


def split(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each table with its own columns; a file without a `table` column is one table."""
    if "table" not in rows.columns:
        return [rows]
    found = []
    for name, part in rows.groupby("table", sort=True):
        if name not in UNPREDICTED:
            unused = [c for c in part.columns if part[c].isna().all()] + ["table"]
            unused += ["power_w"] if name != POWER_TABLE and "power_w" in part.columns else []
            found.append(part.drop(columns=sorted(set(unused))))
    if not found:
        raise ValueError(f"no row is of a table that a model predicts; there are {', '.join(rows['table'].unique())}")
    return found
