"""The front as a table, for the keyboard and for reading: a design a row, chosen with the space bar or a click."""

from collections.abc import Sequence
from typing import Any

from app.explore import session_runs
from app.explore.axes import told
from app.explore.designs import Designs
from app.explore.front import View
from app.text import quantity
from app.web.parts import grid, note, numbers

MOST_ROWS = 2000
SELECTION = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}


def section() -> Any:
    """The place of the table."""
    return [
        note("The designs on the front. Arrow keys move, the space bar or a click opens a design."),
        grid(
            "explore-table", columns(()), height=260, getRowId="params.data.id",
            dashGridOptions={"rowSelection": SELECTION, "tabToNextCell": None},
        ),
    ]  # fmt: skip


def columns(names: Sequence[str]) -> list[dict[str, Any]]:
    """The table's columns: what a design is, and the metrics that are shown."""
    what = {"field": "what", "headerName": "Design", "flex": 4, "minWidth": 240, "tooltipField": "what"}
    return [what, *numbers(names, 110)]


def rows(designs: Designs, view: View) -> list[dict[str, Any]]:
    """A row for each design of a front, in the fronts' order, at most MOST_ROWS."""
    varied = [axis.name for axis in designs.space.axes if len(axis.values) > 1]
    on = dict.fromkeys(row for rows in view.fronts.values() for row in rows.tolist())
    found = []
    for row in list(on)[:MOST_ROWS]:
        values = {name: float(designs.columns[name][row]) for name in view.names}
        told = {name: f"{value:.4g}" if name == "loss" else quantity(name, value) for name, value in values.items()}
        found.append(
            {"id": designs.id(row), "row": row, "what": _what(designs, row, varied), "told": told} | values
        )  # fmt: skip
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
