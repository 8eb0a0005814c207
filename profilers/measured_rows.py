"""Measured rows: which table they are, what it must hold, and one clear line where it does not."""

from dataclasses import fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from costmodel import hardware
from costmodel.hardware import Cpu, Gpu
from profilers.attention_table import ATTENTION_ROWS
from profilers.gemm_table import GEMM_ROWS
from profilers.operation_table import OPERATION_ROWS
from profilers.split_rows import Tell, untold
from profilers.table import Table

TELLING = {"kind", "num_heads"}
"""Columns that tell rows of attention; others are taken for matrix products."""

PRODUCT = ("m", "n", "k")
"""Columns that rows of attention lack, unless two tables were joined."""

TELLING_OPERATION = {"area", "input_elements", "vector_flops"}
"""Columns that tell rows of library calls."""

OTHERS = {
    "FPGA rows": {"unit", "device_family"},
    "whole passes, which python -m profilers --fit compares": {"network", "precision", "batch"},
}
"""Columns that tell rows of other measurements, which no model here predicts."""

TOO_FAST = 10.0
"""A row above the peak by this factor is not a latency in seconds, nor is a table whose median row is a roofline's
over it."""

DOUBTFUL, NOTABLE = 2.0, 0.05
"""A table in which more than the share NOTABLE of rows is above the peak by the factor DOUBTFUL may be of another
device."""

TOO_SLOW, MICRO, LAUNCH_S = 300.0, 3e4, 5e-6
"""A table whose median row takes TOO_SLOW times the roofline and a launch is not in seconds (milliseconds: 1000), at
MICRO times it is not in milliseconds either."""


APART = 100.0
"""A row that takes so many times as long as its group's median, or so small a part, both over what the device needs, is
told: of 500,000 measured rows one does, 125 times as long."""


def of(rows: pd.DataFrame) -> Table:
    """The table that these rows are, by their columns."""
    if {*rows.columns} >= TELLING_OPERATION:
        return OPERATION_ROWS
    return ATTENTION_ROWS if {*rows.columns} >= TELLING else GEMM_ROWS


def check(rows: pd.DataFrame, tell: Tell = untold) -> pd.DataFrame:
    """Return the table with its `math`, a `backend` and `backend_version` column and numbers as floats.

    `tell` gets a line for rows that are faster than their device is likely to be, or far from the others of their kind.
    Raises ValueError on a missing column, an empty table or a single row, a size or latency that is not finite and
    positive, an unknown gpu or kind, a pipe the gpu lacks, and on latencies that can only be another unit than seconds.
    """
    table = of(rows)
    _complete(rows, table)
    if {*rows.columns} >= {*ATTENTION_ROWS.columns, *PRODUCT} and (rows["m"].isna() != rows["num_heads"].isna()).any():
        raise ValueError(
            "rows of matrix products and of attention are in one table: give each a file, or a column `table` that says"
            " gemm or attention"
        )
    if len(rows) < 2:
        raise ValueError(f"a table needs at least 2 rows to say anything about an error, got {len(rows)}")
    rows = rows.assign(**{name: rows.get(name, "") for name in ("backend", "backend_version")})
    unnamed = np.flatnonzero(_text(rows["gpu"]) == "")
    if len(unnamed):
        got = plain(rows["gpu"].iloc[unnamed[0]])
        raise ValueError(f"gpu must be the name of a device, got {got} in row {rows.index[unnamed[0]]}")
    rows = rows.assign(**{name: _number(rows, name, zero=False) for name in table.positive})
    rows = rows.assign(**{name: _number(rows, name, zero=True) for name in table.counted})
    for name in table.whole:
        _whole(rows[name])
    rows = table.family(rows)
    rows = rows.assign(**{name: _text(rows[name]) for name in ("gpu", "math", "backend", "backend_version")})
    for (gpu, math), part in rows.groupby(["gpu", "math"], sort=True):
        _in_seconds(str(gpu), str(math), part, tell)
    return rows


def roofline_s(rows: pd.DataFrame, gpu: hardware.Gpu | hardware.Cpu, math: str) -> NDArray[np.float64]:
    """The plain roofline: the slower of arithmetic at peak and every operand once at full bandwidth."""
    table = of(rows)
    kind = table.model.named(math)
    compute_s = table.flops(rows) / gpu.peak_flops.of(kind.pipe)
    return np.asarray(np.maximum(compute_s, table.moved(rows, kind) / gpu.memory_bytes_per_s))


def _complete(rows: pd.DataFrame, table: Table) -> None:
    missing = [repr(name) for name in table.columns if name not in rows.columns]
    if missing:
        other = next((f"; these look like {what}" for what, names in OTHERS.items() if names <= {*rows}), "")
        are = f"column {missing[0]} is" if len(missing) == 1 else f"columns {', '.join(missing)} are"
        raise ValueError(f"{are} missing{other}; a table of {table.name} has {', '.join(table.columns)}")


def _text(values: "pd.Series[str]") -> "pd.Series[str]":
    return values.astype(object).where(values.notna(), "").astype(str)


def _number(rows: pd.DataFrame, column: str, *, zero: bool) -> "pd.Series[float]":
    values = pd.to_numeric(rows[column], errors="coerce").astype(float)
    wrong = np.flatnonzero(~(np.isfinite(values) & ((values >= 0) if zero else (values > 0))))
    if len(wrong):
        raise ValueError(
            f"{column} must be a finite number {'of at least' if zero else 'above'} 0,"
            f" got {plain(rows[column].iloc[wrong[0]])} in row {rows.index[wrong[0]]} ({len(wrong)} such rows)"
        )
    return values


def _whole(values: "pd.Series[float]") -> None:
    wrong = np.flatnonzero(values != np.round(values))
    if len(wrong):
        got = plain(values.iloc[wrong[0]])
        raise ValueError(f"{values.name} must be a whole number, got {got} in row {values.index[wrong[0]]}")


def plain(value: object) -> str:
    """A table's value as a reader knows it, not as numpy writes it."""
    return str(value.item()) if isinstance(value, np.generic) else repr(value)


def _fastest(device: Gpu | Cpu) -> Gpu | Cpu:
    """The device; of a CPU with every pipe at the vector rate at least.

    Square products were profiled, by which a library may multiply more slowly than it does within its other calls: bf16
    without such instructions at 0.5 GFLOP/s beside 27 in attention and 30 in fp32 (PyTorch 2.13 on AVX2).
    """
    if not isinstance(device, Cpu):
        return device
    peaks = device.peak_flops
    known = {pipe.name: getattr(peaks, pipe.name) for pipe in fields(peaks)}
    return replace(
        device, peak_flops=replace(peaks, **{pipe: max(rate, peaks.vector) for pipe, rate in known.items() if rate > 0})
    )


def _in_seconds(name: str, math: str, rows: pd.DataFrame, tell: Tell) -> None:
    gpu, table = _fastest(hardware.processor(name)), of(rows)
    kind = table.model.named(math)
    peak = gpu.peak_flops.of(kind.pipe)
    if not peak > 0:
        raise ValueError(f"{name} has no {kind.pipe} pipe, but there are {len(rows)} rows of {math}")
    rates = table.flops(rows) / rows.latency_s / peak
    rate, share = float(rates.max()), float((rates > DOUBTFUL).mean())
    if share > NOTABLE and rate <= TOO_FAST:
        tell(
            f"{share:.0%} of the rows of {name} {math} imply more than {DOUBTFUL:g} times the peak of its {kind.pipe}"
            f" pipe ({rate:.2g} times at most): are they of another device?"
        )
    if rate > TOO_FAST:
        raise ValueError(
            f"latency_s of {name} {math} implies {rate:.3g} times the peak of its {kind.pipe} pipe; is it in seconds?"
        )
    least_s = roofline_s(rows, gpu, math)
    fast = (least_s / rows.latency_s).median()
    if fast > TOO_FAST:
        raise ValueError(
            f"latency_s of {name} {math} is a {fast:.3g}th of what the device needs (median); is it in seconds?"
        )
    times = (rows.latency_s / (least_s + LAUNCH_S)).to_numpy()
    slow = float(np.median(times))
    if slow > TOO_SLOW:
        raise ValueError(
            f"latency_s of {name} {math} is {slow:.3g} times what the device needs (median); it looks like"
            f" {'microseconds' if slow > MICRO else 'milliseconds'}"
        )
    apart = np.flatnonzero((times >= APART * slow) | (times <= slow / APART))
    if len(apart):
        first = f"{rows.latency_s.iloc[apart[0]]:.4g} in row {rows.index[apart[0]]}"
        tell(
            f"{len(apart):,} of {len(rows):,} rows of {name} {math} take {APART:g} times as long as the median one, or"
            f" a {APART:g}th, over what the device needs (first: {first}): are all of them in seconds?"
        )
