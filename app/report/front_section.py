"""The exact front of one model as a section: its points, what each gives its layers, and how they trade."""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

from app.figures.explored import explored
from app.report.document import Section, Table
from app.results import misfit
from app.text import label
from costmodel.display import of_all, spread
from dse.metric import METRICS

Run = Mapping[str, Any]

MOST_FIGURES = 3
MOST_UNFOLDED = 20
MOST_SHOWN = 5000
"""Points in the table: some of a longer front, evenly spaced, whose report keeps them all as data."""


def section(name: str, run: Run) -> Section:
    """Return the section of what `bitfront front MODEL --on DEVICE --json` prints."""
    names, points = run["objectives"], run["points"]
    rows = [_row(run, number, point) for number, point in enumerate(points)]
    higher = {n for n in names if n in METRICS and METRICS[n].better == "higher"}
    figures = tuple(
        explored(rows, x=a, y=b, groups=(), higher=higher, title=f"{label(b)} against {label(a)}")
        for a, b in list(combinations(names[::-1], 2))[:MOST_FIGURES]
    )
    shown = spread(rows, MOST_SHOWN)
    more = [column for column in ("folding_of", "does not fit") if any(row.get(column) for row in rows)]
    title = f"The front ({len(rows)} points{of_all(len(shown), len(rows))})"
    columns = ("id", *names, "formats", "on hull", *more)
    front = Table("front", title, columns, tuple(shown), folded=len(rows) > MOST_UNFOLDED)
    return Section(name, f"{run['model']} on {run['device']}", _sentences(run, rows), (front,), figures)


def _row(run: Run, number: int, point: Run) -> dict[str, Any]:
    counts = Counter(run["formats"][option] for option in point["choice"]).most_common()
    return {
        "id": str(number),
        **{name: point[name] for name in run["objectives"]},
        "formats": ", ".join(f"{count} x {name}" for name, count in counts),
        "on hull": "yes" if point["supported"] else "",
        "folding_of": point.get("folding_of"),
        "does not fit": misfit(point),
    }


UNPROVEN = "as evaluated, of plans with outputs priced in their own layer's format: others may be missing."
"""Of a front on an FPGA whose layers read several formats."""


def _sentences(run: Run, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    objectives = " and ".join(label(name) for name in run["objectives"])
    found = [
        f"{len(rows)} choices of {', '.join(run['formats'])} for {len(run['layers'])} layers, "
        + (f"each proven: no other beats it at {objectives}." if run.get("proven", True) else UNPROVEN),
        f"Loss: {run['loss_source']}.",
    ]
    unfit = sum(bool(row["does not fit"]) for row in rows)
    return (*found, *([f"{unfit} of them do not fit the device: no such design can be built."] if unfit else []))
