"""What the page Explore answers: callbacks as functions of what its controls hold."""

from collections.abc import Callable, Mapping
from typing import Any

from dash import Patch, ctx, no_update
from dash.exceptions import PreventUpdate

from app.explore import controls, detail, front, opened, question, session_runs
from app.explore.designs import Designs
from app.explore.opened import Opened
from app.figures import front as front_figure
from app.figures.style import dressed
from app.web import inputs, state, uploads
from app.web.parts import note, trouble
from costmodel.hardware import Fpga

HIDDEN: dict[str, str] = {"display": "none"}
SHOWN: dict[str, str] = {}
SELECTED, EDITED = 0, 1
"""Traces of the front's figure that move alone."""


def ask(_clicks: Any, *values: Any) -> Any:
    """Check the form; the question is asked as a link would have it."""
    given = state.parse(state.encode(dict(zip(controls.FIELDS, values, strict=True))))
    try:
        return question.read(given, session_runs.uploads()).linked(session_runs.uploads()), None
    except ValueError as error:
        return no_update, trouble(str(error))


def sweep(set_progress: Callable[[Any], None], asked: Any) -> Any:
    """Sweep what is asked, in the background."""
    if asked is None:
        raise PreventUpdate
    try:
        found = question.read(asked, session_runs.uploads())
        name = session_runs.prepare(found, lambda done, total: set_progress([100 * done / total]))
    except ValueError as error:
        return no_update, trouble(str(error))
    return name, None


def draw(
    ready: Any, x: Any, y: Any, z: Any, log: Any, per: Any, scheme: Any, zoom: Any, design: Any, edits: Any
) -> Any:
    """The figure of all designs, and what it shows in a sentence."""
    if ready is None or scheme is None:
        raise PreventUpdate
    designs, about, names = _shown(ready, x, y, z)
    missing = [name for name in names if name not in designs.metrics]
    if missing:
        return no_update, trouble(f"no design here has {missing[0]}; the metrics are {', '.join(designs.metrics)}")
    logs = [axis in log for axis in "xyz"]
    found = front.view(designs, names, per)
    within = _within(zoom, logs) if len(names) == 2 else None
    if ctx.triggered_id == "explore-zoom" and len(found.cloud) <= front_figure.MOST_POINTS:
        raise PreventUpdate
    figure = front_figure.front(
        designs.columns, names, cloud=found.cloud, fronts=found.fronts, hulls=found.hulls, uniform=found.uniform,
        log=logs, within=within,
    )  # fmt: skip
    _mark(figure.data, names, designs, design, edits)
    return dressed(figure, scheme == "dark"), _about(designs, len(found.cloud), about)


def choose(clicked: Any, edit: Any, _undo: Any, ready: Any, x: Any, y: Any, z: Any, edits: Any) -> Any:
    """The design that a click names by its row, or the edits after one more."""
    if ctx.triggered_id == "explore-undo":
        return no_update, {}
    if ctx.triggered_id == "explore-layers":
        changed = {cell["data"]["name"]: cell["value"] for cell in edit if cell["colId"] == "precision"}
        return no_update, {**edits, **changed}
    row = clicked["points"][0].get("customdata")
    if not isinstance(row, int):  # a cell of the density image is no design
        raise PreventUpdate
    designs, _, _ = _shown(ready, x, y, z)
    return f"{designs.id(row)}.{row}", {}


def show(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any, scheme: Any, before: Any) -> Any:
    """The chosen design in detail, and where it is among the others."""
    nothing = (no_update,) * 7
    if ready is None or scheme is None:
        raise PreventUpdate
    if not design:
        return *nothing, HIDDEN, None, no_update
    designs, _, names = _shown(ready, x, y, z)
    try:
        row = designs.find(design)
        found = opened.open_design(designs, row, tuple(sorted(edits.items())))
    except ValueError as error:
        return *nothing, no_update, trouble(str(error)), no_update
    dark = scheme == "dark"
    figures = [dressed(figure, dark) for figure in detail.figures(found)]
    patch = Patch()
    for trace, columns in ((SELECTED, _columns(designs, row)), (EDITED, found.columns if edits else {})):
        for axis, name in zip("xyz", names, strict=False):
            patch["data"][trace][axis] = [columns[name]] if name in columns else []
        patch["data"][trace]["customdata"] = [row] if columns else []
    told = detail.totals(found, session_runs.spoken(designs.values(row)), len(edits))
    grid = detail.columns(detail.editable(designs), found.estimate.columns)
    same = [c["field"] for c in before or ()] == [c["field"] for c in grid]
    peaks = detail.BY_LAYER if isinstance(found.device, Fpga) else detail.ROOFLINE
    return told, peaks, detail.rows(found), no_update if same else grid, *figures, SHOWN, None, patch


def upload(content: Any, name: Any, models: Any) -> Any:
    """Keep an uploaded model and choose it, or say what is wrong with it."""
    if content is None:
        raise PreventUpdate
    try:
        link = uploads.accept(name, content)
    except ValueError as error:
        return no_update, no_update, trouble(str(error), "This file is not taken"), None
    others = [group for group in models if group["group"] != "Uploaded"]
    told = note(f"{uploads.name_of(link)} is read: explore it.")
    return [controls.uploaded(session_runs.uploads()), *others], link, told, None


def apply(model: Any) -> tuple[bool, bool, bool]:
    """Which of pass, context and resolution do not apply to a model."""
    uploaded = session_runs.uploads().get(model)
    language = uploaded.startswith("hf:") if uploaded else inputs.is_language(model)
    return not language, not language, language or uploaded is not None


def link(asked: Any, design: Any, edits: Any, x: Any, y: Any, z: Any, log: Any, per: Any) -> Any:
    """The whole view as a link's query."""
    told = ",".join(f"{layer}:{precision}" for layer, precision in edits.items())
    shown = {"x": x, "y": y, "z": "" if z == "none" else z, "log": log, "per": per}
    return {**(asked or {}), **shown, "design": design, "edit": told}


def _shown(ready: Any, x: Any, y: Any, z: Any) -> tuple[Designs, str, tuple[str, ...]]:
    names = tuple(name for name in (x, y, z) if isinstance(name, str) and name != "none")
    if not 2 <= len(set(names)) == len(names):
        raise PreventUpdate
    designs, about = session_runs.joined(ready, names)
    return designs, about, names


def _columns(designs: Designs, row: int) -> Mapping[str, float]:
    return {name: float(column[row]) for name, column in designs.columns.items()}


def _within(zoom: Any, logs: list[bool]) -> Any:
    """The zoomed ranges in data, as a logarithmic axis tells them by their exponents."""
    if not zoom:
        return None
    ends = [10.0**end if logs[i // 2] else float(end) for i, end in enumerate(zoom)]
    return (min(ends[:2]), max(ends[:2])), (min(ends[2:]), max(ends[2:]))


def _mark(traces: Any, names: tuple[str, ...], designs: Designs, design: Any, edits: Any) -> None:
    """Place the chosen design, and its edited neighbour, in a new figure."""
    try:
        row = designs.find(design)
        found: Opened = opened.open_design(designs, row, tuple(sorted(edits.items())))
    except ValueError:
        return
    for trace, columns in ((SELECTED, _columns(designs, row)), (EDITED, found.columns if edits else {})):
        if columns:
            traces[trace].update({a: [columns[n]] for a, n in zip("xyz", names, strict=False)} | {"customdata": [row]})


def _about(designs: Designs, shown: int, about: str) -> Any:
    mixed = f" and {len(designs.mixed):,} of mixed precision" if designs.mixed else ""
    left_out = f"; {designs.left_out:,} break a limit or cannot run" if designs.left_out else ""
    return note(f"{designs.swept:,} designs{mixed}{left_out}; {shown:,} have these metrics. {about} A click opens one.")
