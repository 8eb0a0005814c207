"""A session's file holds rows of several tables; each by itself is what fits and predictions take."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from profilers.call import FLUSHED, POWER_TABLE

RATES, OPERATIONS = "rate", "operation"
"""Tables of plateaus of bandwidth and of launches, which no model predicts as such, and of library calls."""

AS_CALLS = {"copy": 2.0, "launch": 2.0}
"""Rates that are calls of the family of sums, and how many operands their `bytes` count: an empty launch adds to one
element in place."""

SUM = "elementwise_fp32"

Tell = Callable[[str], None]
"""Gets a line about rows, or columns, that are left out."""


def untold(_line: str) -> None:
    """Tell nobody."""


def split(rows: pd.DataFrame, tell: Tell = untold) -> list[pd.DataFrame]:
    """The rows of each table with its own columns; a file without a `table` column is one table.

    Power of a session's rows counts where `power_by` says how it was measured: older sessions wrote down what the
    driver gave after 20 ms, on most boards the mean of a second, in which other calls ran.
    """
    if "table" not in rows.columns:
        return [rows]
    rows = _measured_power(_of_one_cache(rows, tell), tell)
    if OPERATIONS in set(rows["table"]) and RATES in set(rows["table"]):
        rows = pd.concat([rows, _as_calls(rows)])
    found = []
    for name, part in rows.groupby("table", sort=True):
        if name != RATES:
            unused = [c for c in part.columns if part[c].isna().all()] + ["table"]
            unused += ["power_w"] if name != POWER_TABLE and "power_w" in part.columns else []
            found.append(part.drop(columns=sorted(set(unused))))
    if not found:
        are = f"; there are {', '.join(rows['table'].unique())}" if len(rows) else ": there are no rows"
        raise ValueError(f"no row is of a table that a model predicts{are}")
    return found


def _of_one_cache(rows: pd.DataFrame, tell: Tell) -> pd.DataFrame:
    """The rows that found caches as networks leave them; those with caches flushed only where a file has no others."""
    flushed = (rows["cache"] == FLUSHED).to_numpy() if "cache" in rows.columns else np.zeros(len(rows), dtype=bool)
    if flushed.all() and len(rows):
        tell("every row was measured with its caches flushed: what is fitted to them is the latency of cold operands")
    elif flushed.any():
        tell(f"{int(flushed.sum()):,} rows measured with caches flushed are left out beside those without")
        return rows[~flushed]
    return rows


def _measured_power(rows: pd.DataFrame, tell: Tell) -> pd.DataFrame:
    if "power_w" not in rows.columns:
        return rows
    told = rows["power_by"].notna() if "power_by" in rows.columns else pd.Series(False, index=rows.index)
    untrue = int((rows["power_w"].notna() & ~told).sum())
    if untrue:
        tell(
            f"power_w of {untrue:,} rows is left out: power_by does not say that it was measured over those rows alone"
        )
    return rows.assign(power_w=rows["power_w"].where(told)) if told.any() else rows.drop(columns="power_w")


def _as_calls(rows: pd.DataFrame) -> pd.DataFrame:
    """The copies and empty launches among the rates as rows of library calls: what the plateaus are known by."""
    rates = rows[(rows["table"] == RATES) & rows["math"].isin(list(AS_CALLS))]
    each = np.maximum(rates["bytes"] / 4.0 / rates["math"].map(AS_CALLS).astype(float), 1.0)
    counts = dict.fromkeys(("m", "n", "k", "area", "positions"), 1.0) | dict.fromkeys(("b", "weight_elements"), 0.0)
    moved = {"input_elements": each, "output_elements": each, "vector_flops": 0.0}
    return rates.assign(table=OPERATIONS, math=SUM, **counts, **moved)
