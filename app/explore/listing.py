"""The front as a table, for the keyboard and for reading: a design a row, chosen with the space bar or a click."""

from collections.abc import Sequence
from typing import Any

from dash import html

from app.explore import session_runs
from app.explore.axes import told
from app.explore.designs import Designs
from app.explore.front import View
from app.text import counted, quantity
from app.web.parts import grid, note, numbers

MOST_ROWS = 2000
LISTED = "front"
"""What a link says of the table where it is open."""
SELECTION = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}


def section() -> Any:
    """The place of the table."""
    return [
        note(html.Span(id="explore-listed"), " Arrow keys move, the space bar or a click opens a design."),
        grid(
            "explore-table", columns((), tied=False), height=260, getRowId="params.data.id",
            dashGridOptions={"rowSelection": SELECTION, "tabToNextCell": None},
        ),
    ]  # fmt: skip


def columns(names: Sequence[str], *, tied: bool) -> list[dict[str, Any]]:
    """The table's columns: what a design is, the metrics that are shown, and how many designs are `tied` at a place."""
    what = {"field": "what", "headerName": "Design", "flex": 4, "minWidth": 240, "tooltipField": "what"}
    shared = {"field": "equals", "headerName": "Designs there", "type": "rightAligned", "minWidth": 90, "flex": 1,
              "valueFormatter": {"function": "d3.format(',')(params.value)"}}  # fmt: skip
    return [what, *numbers(names, 110), *[shared] * tied]


def about(view: View) -> str:
    """What the rows are of the front: all its places or the first of them, and which design stands for one."""
    shared = view.places.shared
    told = f"The front: {counted(len(shared), 'place')}"
    told += f", the first {MOST_ROWS:,} listed" if len(shared) > MOST_ROWS else ""
    designs = sum(shared.values())
    alike = f" with {designs:,} designs; of those at one place, the first of the space stands for all"
    return told + (alike if designs > len(shared) else "") + "."


def rows(designs: Designs, view: View) -> list[dict[str, Any]]:
    """A row for each place of a front, in the fronts' order, at most MOST_ROWS."""
    varied = [axis.name for axis in designs.space.axes if len(axis.values) > 1]
    found = []
    for row, equals in list(view.places.shared.items())[:MOST_ROWS]:
        values = {name: float(designs.columns[name][row]) for name in view.names}
        told = {name: f"{value:.4g}" if name == "loss" else quantity(name, value) for name, value in values.items()}
        found.append(
            {"id": designs.id(row), "row": row, "what": _what(designs, row, varied), "told": told, "equals": equals}
            | values
        )
    return found


def _what(designs: Designs, row: int, varied: Sequence[str]) -> str:
    """The values in which designs differ; of a mixed one, how many layers have each precision, and its folding's."""
    values = session_runs.spoken(designs.values(row))
    varied = ["batch" if name == "model" and "batch" in values else name for name in varied]
    if row >= designs.swept:
        mixed = designs.mixed[row - designs.swept]
        taken = list(mixed.assignment.values())
        counts = sorted(((taken.count(p), p) for p in set(taken)), reverse=True)
        values["precision"] = " + ".join(f"{count} × {p}" for count, p in counts)
        values["precision"] += f", folded for {mixed.laid_for}" if mixed.laid_for else ""
    return " · ".join(told(name, values[name]) for name in varied)
