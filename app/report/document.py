"""A report as data: sections of sentences, tables and figures. What writes a file reads this alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.text import label, quantity
from costmodel.display import unit
from dse.curves import ends

if TYPE_CHECKING:
    import plotly.graph_objects as go

Row = Mapping[str, Any]

WORDS = {
    "design": "Design", "accuracy": "Test accuracy", "r2": "Test R2", "points": "Change (points)", "smaller": "Smaller",
    "id": "Id", "equals": "Equal designs", "name": "Layer", "kind": "Kind", "precision": "Precision",
    "bound": "Bound by", "source": "Source",
    "energy_source": "Source of energy", "latency_source": "Source of latency", "lut_source": "Source of LUTs",
    "products_in": "Products in", "weights_in": "Weights in",
    "model": "Model", "device": "Device", "batch": "Batch",
    "context": "Context", "resolution": "Resolution", "strategy": "Strategy", "footprint_bytes": "Footprint",
}  # fmt: skip
"""Columns of a report in words, beside those of every table."""
SOURCES = ("source", "energy_source", "latency_source", "lut_source")
SHARES = ("accuracy",)
SIGNED = ("points",)
TIMES = ("smaller",)
PLAIN = ("loss", "r2", "id", "batch", "context", "resolution", "equals")
"""How columns are shown: as percent, with a sign, as a factor, without prefix."""


@dataclass(frozen=True)
class Table:
    """Rows by column, in base units; `chosen` are the rows to point out, and a `folded` one is shown on demand."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    chosen: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """One run: what was found in sentences, tables and figures."""

    name: str
    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: "tuple[go.Figure, ...]" = ()


@dataclass(frozen=True)
class Document:
    """A whole report. `data` is what it was made from, and what `bitfront rerun` makes again."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    data: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)


def shown(column: str, value: Any) -> str:
    """A cell as text, with a prefix and unit; "-" where there is none."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if column in SHARES:
        return f"{value:.2%}"
    if column in SIGNED:
        return f"{value:+.2f}"
    if column in TIMES:
        return f"{value:.1f}x"
    composed = " " in column and not unit(column)
    return f"{value:.4g}" if column in PLAIN or composed else quantity(column, float(value))


def cell(column: str, row: Row) -> str:
    """A row's cell as text, with its interval where it has one: 1.9 ms (1.1-4.1)."""
    between = interval(column, row)
    return shown(column, row.get(column)) + (f" ({between})" if between else "")


def interval(column: str, row: Row) -> str:
    """The ends of a cell's range, in the unit of its value where that is one for all; "" where it has none."""
    low, high = (row.get(end) for end in ends(column))
    if low is None or high is None:
        return ""
    told = [shown(column, each) for each in (row.get(column), low, high)]
    units = {text.partition(" ")[2] for text in told}
    texts = [text.partition(" ")[0] for text in told] if len(units) == 1 else told
    return f"{texts[1]}\u2013{texts[2]}"


def heading(column: str) -> str:
    """A column in words."""
    return WORDS.get(column, label(column))


def present(columns: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns that any row has."""
    return tuple(c for c in columns if any(row.get(c) is not None for row in rows))
