"""What a terminal shows: numbers with prefixes, tables, JSON."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
)

UNITS = {"_s": "s", "_bytes_per_s": "B/s", "_bytes": "B", "bytes_moved": "B", "_j": "J", "_per_s": "/s", "_hz": "Hz"}
"""The unit that the end of a column's name gives."""


LABELS = {
    "loss": "Predicted loss",
    "error": "Test error",
    "weight_bytes": "Weight storage",
    "bytes_moved": "Memory traffic",
    "bops": "Bit operations",
    "macs": "MACs",
    "params": "Parameters",
    "latency_s": "Latency",
    "energy_j": "Energy",
    "throughput_per_s": "Throughput",
    "cycles": "Cycles",
    "lut": "LUTs",
    "ff": "Flip-flops",
    "dsp": "DSP blocks",
    "bram18": "Block RAMs",
    "uram": "UltraRAMs",
}
"""Columns in words, for people who read a report and not the JSON."""


def label(column: str, *, unit: bool = False) -> str:
    """Return a column's name in words, as it is where it has none; `unit` adds the base unit: Latency (s)."""
    words = LABELS.get(column, column)
    ends = next((u for end, u in sorted(UNITS.items(), key=lambda e: -len(e[0])) if column.endswith(end)), "")
    return f"{words} ({ends})" if unit and ends else words


def quantity(name: str, value: float) -> str:
    """Return a value with an SI prefix and the unit that its column's name carries: latency_s 0.0031 -> 3.1 ms."""
    if math.isnan(value):
        return "-"
    unit = next((u for end, u in sorted(UNITS.items(), key=lambda e: -len(e[0])) if name.endswith(end)), "")
    if value == 0:
        return f"0 {unit}".strip()
    scale, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s), PREFIXES[-1])
    return f"{value / scale:.4g} {prefix}{unit}".strip()


def to_json(data: Any) -> str:
    """Return JSON with whole numbers as integers; a nan or infinite number is left out, as is not modelled."""
    return json.dumps(plain(data), indent=1, allow_nan=False)


def plain(data: Any) -> Any:
    """Return the data in JSON's own types, keys with nan or infinite values dropped."""
    if isinstance(data, Mapping):
        return {str(k): plain(v) for k, v in data.items() if not (isinstance(v, float) and not math.isfinite(v))}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [plain(v) for v in data]
    if isinstance(data, float):
        return int(data) if data.is_integer() and abs(data) < 2**53 else data
    return data.item() if hasattr(data, "item") else data


def some(names: Sequence[str], most: int = 8) -> str:
    """Return the first names and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more (all in --json)" if len(names) > most else "")


def print_table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows to stdout as a table, numbers right-aligned in the unit of their column."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    numeric = [all(isinstance(r.get(c, 0.0), int | float) for r in rows) for c in columns]
    for column, is_number in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row.get(column)) for column in columns))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(title, style="bold underline", markup=False)
    console.print(table)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if column == "accuracy":
        return f"{value:.2%}"
    return f"{value:.4g}" if column == "loss" else quantity(column, float(value))
