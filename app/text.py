"""What a terminal shows: numbers with prefixes, tables, JSON."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from costmodel.display import quantity

__all__ = ["counted", "label", "not_counted", "plain", "print_table", "quantity", "some", "to_json"]

WIDTH = 200
"""Columns of characters where output is no terminal."""
GAP = 2

LABELS = {
    "loss": "Predicted loss",
    "training_loss": "Training loss",
    "vlm_error": "Wrong answers about images",
    "wrong_answers": "Wrong answers",
    "right_answers": "Right answers",
    "error": "Test error",
    "weight_bytes": "Weight storage",
    "bytes_moved": "Memory traffic",
    "bops": "Bit operations",
    "macs": "MACs",
    "flops": "FLOPs",
    "params": "Parameters",
    "latency_s": "Latency",
    "busy_s": "Busy time of layers",
    "energy_j": "Energy",
    "footprint_bytes": "Memory footprint",
    "peak_activation_bytes": "Peak activations",
    "kv_bytes": "KV cache",
    "examples_per_s": "Examples per second",
    "tokens_per_s": "Tokens per second",
    "power_w": "Power",
    "throughput_per_s": "Throughput",
    "cycles": "Cycles",
    "lut": "LUTs",
    "ff": "Flip-flops",
    "dsp": "DSP blocks",
    "bram18": "Block RAMs",
    "uram": "UltraRAMs",
    "memory_bytes_per_s": "Memory bandwidth",
    "memory_bytes": "Memory",
    "clock_hz": "Clock",
    "l2_bytes": "L2 cache",
    "sm_count": "Multiprocessors",
}
"""Columns in words, for people who read a report and not the JSON."""


def label(column: str) -> str:
    """Return a column's name in words, as it is where it has none; of latency_s / batch each part: Latency / batch.

    A field of a device, device.clock_hz, has its own name.
    """
    return " ".join(LABELS.get(part.removeprefix("device."), part) for part in column.split(" "))


def counted(number: int, thing: str) -> str:
    """How many there are of a thing: 1 design, 2,000 designs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


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


def within(name: str, low: float, high: float) -> str:
    """Two values of a column as a range, in the unit of the higher: 162.3-853.8 µs."""
    number, _, unit = quantity(name, high).partition(" ")
    if not math.isfinite(high) or high <= 0:
        return number
    return f"{low * float(number) / high:.4g}-{number} {unit}"


def not_counted(names: Sequence[str], most: int = 6) -> list[str]:
    """A sentence on what a page's figures leave out, the first names and how many more; none where that is nothing."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"Not counted: {', '.join(names[:most])}{more}."] if names else []


def some(names: Sequence[str], most: int = 8) -> str:
    """Return the first names and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more (all in --json)" if len(names) > most else "")


def print_table(
    title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, spare: Sequence[str] = ()
) -> list[str]:
    """Print rows to stdout as a table, numbers right-aligned in the unit of their column; return the columns left out.

    Where the terminal is too narrow, the columns in `spare` are left out, the first of them first.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    cells = {c: [_cell(c, row.get(c)) for row in rows] for c in columns}
    left_out = _beyond(cells, spare, console.width)
    shown = [c for c in columns if c not in left_out]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in shown:
        is_number = all(isinstance(row.get(column, 0.0), int | float) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for i in range(len(rows)):
        table.add_row(*(cells[column][i] for column in shown))
    console.print(title, style="bold underline", markup=False)
    console.print(table)
    return left_out


def _beyond(cells: Mapping[str, Sequence[str]], spare: Sequence[str], width: int) -> list[str]:
    """The first of the spare columns, as many as make the others fit."""
    widths = {column: GAP + max(map(len, (column, *texts))) for column, texts in cells.items()}
    total = sum(widths.values()) - GAP
    left_out = []
    for column in (c for c in spare if c in widths):
        if total <= width:
            break
        left_out.append(column)
        total -= widths[column]
    return left_out


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if column == "accuracy":
        return f"{value:.2%}"
    return f"{value:.4g}" if column in ("loss", "r2") else quantity(column, float(value))
