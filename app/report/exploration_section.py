"""A run of the explorer as a section: what was asked of which space, and its front."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from app.designs import spoken
from app.figures.explored import explored
from app.limits import in_words, limit
from app.report.document import Section, Table, present
from app.text import counted, label
from dse.axes import label as label_of
from dse.run_ranges import MOST_RANGED, SOURCED

Run = Mapping[str, Any]

MOST_FIGURES = 3
MOST_UNFOLDED = 20
MOST_NAMED = 4


def section(name: str, run: Run) -> Section:
    """Return the section of a run in the form of `bitfront front RUN --json`; every point of the front is a row."""
    rows = run["front"]
    axes = {axis: values for axis, values in run["space"]["axes"].items() if len(values) > 1}
    varied = [axis for axis in axes if rows and axis in rows[0]]
    columns = ("id", *varied, *run["columns"], *present(tuple(SOURCED.values()), rows))
    objectives = [text.partition(" ")[::2] for text in run["objectives"]]
    drawn = [c for _, c in objectives if rows and c in rows[0]]
    higher = {c for sense, c in objectives if sense == "maximise"}
    figures = tuple(
        explored(rows, x=a, y=b, groups=run["groups"], higher=higher, title=f"{label(b)} against {label(a)}")
        for a, b in list(combinations(drawn, 2))[:MOST_FIGURES]
    )
    title = f"The front ({counted(len(rows), 'design')})"
    front = Table("front", title, columns, tuple(rows), folded=len(rows) > MOST_UNFOLDED)
    models, devices = (_named(run["space"]["axes"].get(axis, ())) for axis in ("model", "device"))
    return Section(name, f"{models} on {devices}", _sentences(run, axes), (front,), figures)


def _named(values: Sequence[Any]) -> str:
    """The values of an axis of names, the first few."""
    names = [str(label_of(value)) for value in values]
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _sentences(run: Run, axes: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = ", ".join(f"{len(values)} of {spoken(axis)}" for axis, values in axes.items()) or "one design"
    found = [
        f"{run['designs_done']:,} of {counted(run['designs'], 'design')} ({sizes}): {run['excluded']} do not fit "
        f"their device or break a constraint, {run['unknown']} have no value there, {run['points']} are on the front.",
    ]
    found.append(f"Objectives: {', '.join(map(in_words, run['objectives']))}.")
    if run["constraints"]:
        found.append(f"Constraints: {'; '.join(map(limit, run['constraints']))}.")
    if run["groups"]:
        found.append(f"A front for each {' and '.join(run['groups'])}.")
    if run["latency"] == "roofline":
        found.append("Latency is the plain roofline, a lower bound.")
    found += run.get("ranges", ())
    if len(run["front"]) > MOST_RANGED and run["latency"] == "estimate":
        found.append(f"Ranges and sources are told of fronts of at most {MOST_RANGED} designs.")
    if not run["complete"]:
        found.append(f"Not complete: {run['chunks_done']} of {run['chunks']} chunks are done.")
    return tuple(found)
