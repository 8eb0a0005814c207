"""Values and records as a person reads them: numbers with prefixes and units, HTML tables for notebooks."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any, TypeVar

import numpy as np

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

UNITS = {
    "_s": "s", "_bytes_per_s": "B/s", "_bytes": "B", "bytes_moved": "B", "_j": "J", "_per_s": "/s", "_hz": "Hz",
    "_w": "W", "_flops_per_s": "FLOP/s", "_m": "m",
}  # fmt: skip
"""The unit that the end of a column's name gives."""

R = TypeVar("R")

SHOWN_NAMES = 4
"""Different names of a batch that are told."""


def spread(rows: Sequence[R], most: int) -> list[R]:
    """At most so many of the rows, at least two, evenly spaced, the first and the last among them."""
    count = len(rows)
    return [rows[i] for i in np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()]


def of_all(shown: int, count: int) -> str:
    """What a title says of rows that are not all there."""
    return f", {shown} shown" if shown < count else ""


def unit(name: str) -> str:
    """The base unit that a column's name carries, "" where it has none; latency_s / batch has that of latency_s."""
    first, *others = re.split(r" [*/] ", name)
    return "" if " " in first or any(_unit(other) for other in others) else _unit(first)


def _unit(name: str) -> str:
    return next((u for end, u in sorted(UNITS.items(), key=lambda e: -len(e[0])) if name.endswith(end)), "")


def quantity(name: str, value: float) -> str:
    """Return a value with an SI prefix and the unit that its column's name carries: latency_s 0.0031 -> 3.1 ms."""
    if math.isnan(value):
        return "-"
    ends = unit(name)
    if value == 0:
        return f"0 {ends}".strip()
    scale, prefix = next(((s, p) for s, p in PREFIXES if abs(value) >= s), PREFIXES[-1])
    return f"{value / scale:.4g} {prefix}{ends}".strip()


def told(name: str, value: Any) -> str:
    """Any field of a record: a number with its unit, an array by its range, anything else as text."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind not in "fiu":
            return called(value)
        return f"{quantity(name, float(value.min()))} to {quantity(name, float(value.max()))} ({value.size} values)"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return str(value)
    return quantity(name, float(value))


def called(name: Any) -> str:
    """A record's name; of a batch's names the first that differ, and how many there are."""
    if not isinstance(name, np.ndarray):
        return str(name)
    different = list(dict.fromkeys(map(str, name.ravel().tolist())))
    more = ", ..." if len(different) > SHOWN_NAMES else ""
    return f"{', '.join(different[:SHOWN_NAMES])}{more} ({name.size} values)"


def card(title: str, values: Mapping[str, Any], *, notes: Iterable[str] = ()) -> str:
    """A record as HTML: a row a value, nan and "" left out; `notes` are sentences beneath. All text is escaped."""
    shown = {name: told(name, value) for name, value in values.items()}
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:right">{escape(text)}</td></tr>'
        for name, text in shown.items()
        if text not in ("-", "")
    )
    said = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    return f"<table><caption>{escape(title)}</caption>{rows}</table>{said}"


def device(record: Any) -> str:
    """A device as HTML: its fields, the peak of each pipe it has, and how many sources they have."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    peaks = values.pop("peak_flops", None)
    sources = values.pop("sources", {})
    rates = {f"{f.name}_flops_per_s": getattr(peaks, f.name) for f in fields(peaks)} if peaks is not None else {}
    name = values.pop("name")
    return card(f"{type(record).__name__} {called(name)}", values | rates, notes=(f"{len(sources)} sources: .sources",))


def table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as an HTML table with a heading a column."""
    head = "".join(f'<th style="text-align:left;padding:.1em .6em">{escape(c)}</th>' for c in columns)
    cells = (
        "".join(
            f'<td style="text-align:left;padding:.1em .6em">{escape(told(c, row.get(c, "")))}</td>' for c in columns
        )
        for row in rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
