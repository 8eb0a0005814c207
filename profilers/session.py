"""A profiling session: a sweep whose rows are kept in a file as they come, and taken up where it was interrupted."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from profilers import rows_file
from profilers.call import FLUSHED, Call, key
from profilers.sweep import Backend, sweep

WRITE_S = 15.0
"""Seconds of rows that a crash may lose; an interruption loses none."""

Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class Session:
    """What a session left: all rows of the file, how many were new, and the kinds left out with the library's words."""

    rows: pd.DataFrame
    new: int
    failed: Mapping[str, str]


def run(
    calls: Sequence[Call],
    backend: Backend,
    *,
    device: str,
    seconds: float,
    out: Path,
    facts: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    first: int = 0,
) -> Session:
    """Measure for `seconds` into `out`; rows that it has already are not measured again, but guide what to measure.

    Rows with caches flushed and without are different ones, though of one call. `first` is as in `sweep`.

    `facts` are columns that new rows share. ValueError where `out` cannot be written or holds another device's rows.
    """
    if not seconds > 0:
        raise ValueError(f"a session needs a positive time, got {seconds} s")
    rows_file.check_target(out)
    old = rows_file.read(out) if out.is_file() else pd.DataFrame()
    if len(old) and set(old["gpu"]) != {device}:
        raise ValueError(
            f"{out} holds rows of {', '.join(sorted(set(old['gpu'])))}, not of {device}: name another file"
        )
    made: list[Mapping[str, Any]] = []
    written = time.monotonic()

    def keep(row: Mapping[str, Any]) -> None:
        nonlocal written
        made.append({**row, **(facts or {})})
        if time.monotonic() - written > WRITE_S:
            rows_file.write(_joined(old, made), out)
            written = time.monotonic()

    try:
        pools = sweep(
            calls,
            backend,
            device=device,
            seconds=seconds,
            keep=keep,
            known=_known(old, calls, backend.flushed),
            progress=progress,
            first=first,
        )
    finally:
        if made:
            rows_file.write(_joined(old, made), out)
    failed = {name: pool.failed for name, pool in pools.items() if pool.failed}
    return Session(_joined(old, made), len(made), failed)


def _joined(old: pd.DataFrame, made: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    new = pd.DataFrame(made)
    return new if not len(old) else (pd.concat([old, new], ignore_index=True) if len(new) else old)


def _known(old: pd.DataFrame, calls: Sequence[Call], flushed: bool) -> dict[tuple[Any, ...], float]:
    """Latencies by key of the rows whose caches were treated as this session's are."""
    if "cache" in old:
        old = old[(old["cache"] == FLUSHED) == flushed]
    names = {call.table: list(call.columns) for call in calls}
    found = {}
    for table, part in old.groupby("table") if len(old) else ():
        for record in part.to_dict("records") if table in names else ():
            columns = {name: record[name] for name in names[str(table)]}
            found[key(str(table), record["math"], columns)] = float(record["latency_s"])
    return found
