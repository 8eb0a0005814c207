"""What the page Explore answers: callbacks as functions of what its controls hold."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from dash import Patch, ctx, no_update
from dash.exceptions import PreventUpdate

from app.explore import axes, controls, detail, front, listing, opened, question, session_runs
from app.explore.designs import Designs
from app.explore.opened import Opened
from app.figures import front as front_figure
from app.figures.style import dressed
from app.text import counted, label, not_counted
from app.web import inputs, spelling, state, uploads
from app.web.parts import note, trouble
from costmodel.hardware import Fpga
from dse.refused import refusals

SELECTED, EDITED = 0, 1
"""Traces of the front's figure that move alone."""
OPENED = {2: "A click opens one.", 3: "A click opens one, as a row does of the list of the front."}
"""How a design is opened, by the number of axes: in space a browser may miss a click."""


def ask(_clicks: Any, *values: Any) -> Any:
    """Check the form; the question is asked as a link would have it, and the design of the one before is closed."""
    given = state.parse(state.encode(dict(zip(question.FIELDS, values, strict=True))))
    try:
        asked = question.read(given, session_runs.uploads()).linked(session_runs.uploads())
    except ValueError as error:
        return no_update, trouble(str(error)), no_update, no_update, no_update
    return asked, None, "", {}, None


def sweep(set_progress: Callable[[Any], None], asked: Any) -> Any:
    """Sweep what is asked, in the background."""
    try:
        found = question.read(asked, session_runs.uploads())
        told = f"sweeping {counted(found.space.size, 'design')}…"
        name = session_runs.prepare(found, lambda done, total: set_progress([100 * done / total, told]))
    except ValueError as error:
        return no_update, trouble(str(error))
    return name, None


def draw(
    ready: Any, x: Any, y: Any, z: Any, log: Any, per: Any, scheme: Any, zoom: Any, design: Any, edits: Any, drawn: Any
) -> Any:
    """The figure of all designs, what it shows in a sentence, and what it was drawn of.

    drawn  what the figure shows already, None on a page that has just been loaded
    """
    if ready is None or scheme is None:
        raise PreventUpdate
    try:
        axes.named(x, y, z)
    except ValueError as error:
        return no_update, trouble(str(error)), no_update
    designs, about, names = _shown(ready, x, y, z)
    missing = [name for name in names if name not in designs.metrics]
    if missing:
        told = f"no design here has {missing[0]}; the metrics are {', '.join(designs.metrics)}"
        return no_update, trouble(told), no_update
    found = front.view(designs, names, session_runs.grouping(designs, per))
    view = plane(ready, names, log)
    within = _within(zoom, view)
    few = len(found.places.drawn) <= front_figure.MOST_POINTS
    already = drawn is not None and all(drawn.get(part) == value for part, value in view.items())
    if list(ctx.triggered_prop_ids) == ["explore-zoom.data"] and already and (few or len(names) == 3):
        raise PreventUpdate
    figure = front_figure.front(
        designs.columns, names, cloud=found.places.drawn, fronts=_titled(found.places.fronts),
        hulls=_titled(found.places.hulls), shared=found.places.shared, uniform=found.uniform,
        references=session_runs.references(designs), log=view["log"], within=within,
    )  # fmt: skip
    figure.layout.uirevision = repr(view)
    if camera := _camera(zoom, view):
        figure.layout.scene.camera = camera
    with suppress(ValueError):
        for trace, place in _places(ready, names, design, edits).items():
            figure.data[trace].update(place)
    about = " ".join([about, *_unseen(designs, view, found.cloud)])
    seen = len(front_figure.inside(designs.columns, names, found.cloud, within)) if within else None
    return (
        dressed(figure, scheme == "dark"),
        _about(designs, len(found.cloud), seen, about, OPENED[len(names)]),
        {**view, "design": design, "edits": edits},
    )


def listing_frame(_clicks: Any, framed: Any) -> Any:
    """The table of the front, made when it is asked for."""
    return no_update if framed else listing.section()


def table(ready: Any, x: Any, y: Any, z: Any, per: Any, _framed: Any) -> Any:
    """The rows and columns of the table of the front, and what they are of it."""
    if ready is None:
        raise PreventUpdate
    designs, _, names = _shown(ready, x, y, z)
    if any(name not in designs.metrics for name in names):
        return [], listing.columns(names, tied=False), ""
    view = front.view(designs, names, session_runs.grouping(designs, per))
    rows = listing.rows(designs, view)
    tied = any(row["equals"] > 1 for row in rows)
    return rows, listing.columns(names, tied=tied), listing.about(view)


def pick(selected: Any, ready: Any, x: Any, y: Any, z: Any) -> Any:
    """The design of the table's selected row, without edits."""
    if not selected:
        raise PreventUpdate
    designs, _, names = _shown(ready, x, y, z)
    row = designs.find(f"{selected[0]['id']}.{selected[0]['row']}")
    return session_runs.spelled(designs, row, names), {}


def frame(send: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    """The parts of a design's section, made when the first design is chosen: grids and plots take a page's time."""
    return lambda design, framed: no_update if framed or not design else detail.section(send())


def choose(clicked: Any, drawn: Any) -> Any:
    """The design that a click names by its row in the figure as it was drawn, without edits."""
    row = clicked["points"][0].get("customdata")
    if not isinstance(row, int) or not drawn:  # a cell of the density image is no design
        raise PreventUpdate
    names = tuple(drawn["names"])
    return session_runs.spelled(session_runs.joined(drawn["ready"], names)[0], row, names), {}


def show(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any, scheme: Any, before: Any) -> Any:
    """The chosen design in detail; what is wrong with it is said by `mark`."""
    if ready is None or scheme is None or not design:
        raise PreventUpdate
    _, _, names = _shown(ready, x, y, z)
    try:
        designs, row = session_runs.find(ready, names, design)
        found = _opened(designs, row, edits)
    except ValueError:
        raise PreventUpdate from None
    figures = [dressed(figure, scheme == "dark") for figure in detail.figures(found)]
    told = detail.totals(found, session_runs.spoken(designs.values(row)), len(edits))
    grid = detail.columns(detail.editable(designs), found.estimate.columns)
    same = [c["field"] for c in before or ()] == [c["field"] for c in grid]
    peaks = detail.BY_LAYER if isinstance(found.device, Fpga) else detail.ROOFLINE
    return told, peaks, detail.rows(found), no_update if same else grid, *figures


def mark(design: Any, edits: Any, drawn: Any) -> Any:
    """Where the chosen design and its edited neighbour are in the figure, or why neither can be shown."""
    if not drawn or not design:
        return no_update, None
    try:
        places = _places(drawn["ready"], tuple(drawn["names"]), design, edits)
    except ValueError as error:
        return no_update, trouble(str(error))
    if (design, edits) == (drawn["design"], drawn["edits"]) and ctx.triggered_id == "explore-drawn":
        return no_update, None
    patch = Patch()
    for trace, place in places.items():
        for part, values in place.items():
            patch["data"][trace][part] = values
    return patch, None


def upload(content: Any, name: Any, models: Any) -> Any:
    """Keep an uploaded model and choose it, or say what is wrong with it."""
    if content is None:
        raise PreventUpdate
    try:
        link = uploads.accept(name, content)
    except ValueError as error:
        return no_update, no_update, trouble(str(error), "This file is not taken"), None
    others = [group for group in models if group["group"] != "Uploaded"]
    told = note(" ".join([f"{uploads.name_of(link)} is read: explore it.", *not_counted(uploads.uncounted(link))]))
    return [controls.uploaded(session_runs.uploads()), *others], link, told, None


def apply(model: Any) -> tuple[bool, bool, bool]:
    """Which of pass, context and resolution do not apply to a model."""
    uploaded = session_runs.uploads().get(model)
    language = uploaded.startswith("hf:") if uploaded else inputs.is_language(model)
    return not language, not language, language or uploaded is not None


def spell(precisions: Any, model: Any) -> Any:
    """The precisions in words, of a KV cache where the model has one."""
    return spelling.listed(precisions, cached=not apply(model)[0])


def link(
    asked: Any, design: Any, edits: Any, zoom: Any, listed: Any, ready: Any, x: Any, y: Any, z: Any, log: Any, per: Any
) -> Any:
    """The whole view as a link's query; a zoom only into what the axes show now."""
    told = ",".join(f"{layer}:{precision}" for layer, precision in edits.items())
    shown = {"x": x, "y": y, "z": "" if z == axes.NONE else z, "log": log or axes.NONE, "per": per}
    view = plane(ready or (zoom and zoom["of"]["ready"]), [n for n in (x, y, z) if n != axes.NONE], log)
    ends = ",".join(f"{float(end):.9g}" for end in zoom["ends"]) if zoom and zoom["of"] == view else ""
    run = "" if asked else session_runs.run_of(ready)
    more = {"zoom": ends, "list": listing.LISTED if listed else "", "design": design, "edit": told}
    return {"run": run, **(asked or {}), **shown, **more}


def plane(ready: Any, names: Any, log: Any) -> dict[str, Any]:
    """Of what a zoom or a camera is: the designs, the metrics on the axes, and which of these are logarithmic."""
    return {"ready": ready, "names": list(names), "log": [axis in (log or ()) for axis in "xyz"]}


def _shown(ready: Any, x: Any, y: Any, z: Any) -> tuple[Designs, str, tuple[str, ...]]:
    """The designs that the axes show, a sentence on them, and the axes' metrics; nothing where two axes are alike."""
    try:
        names = axes.named(x, y, z)
    except ValueError:
        raise PreventUpdate from None
    designs, about = session_runs.joined(ready, names)
    return designs, about, names


def _within(zoom: Any, view: Mapping[str, Any]) -> Any:
    """The zoomed ranges in data, as a logarithmic axis tells them by their exponents; none where another view has them.

    zoom  {"ends": low and high of both axes, "of": the figure as it was drawn}
    """
    if not zoom or len(view["names"]) != 2 or zoom["of"] != view:
        return None
    ends = [10.0**end if view["log"][i // 2] else float(end) for i, end in enumerate(zoom["ends"])]
    return (min(ends[:2]), max(ends[:2])), (min(ends[2:]), max(ends[2:]))


def _camera(zoom: Any, view: Mapping[str, Any]) -> dict[str, Any]:
    """From where three axes are seen, in plotly's words; nothing where another view is seen so."""
    if not zoom or len(view["names"]) != 3 or zoom["of"] != view:
        return {}
    places = (dict(zip("xyz", zoom["ends"][i : i + 3], strict=True)) for i in (0, 3, 6))
    return dict(zip(("eye", "center", "up"), places, strict=True))


def _titled(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {session_runs.titled(name): rows for name, rows in groups.items()}


def _opened(designs: Designs, row: int, edits: Mapping[str, str]) -> Opened:
    return opened.open_design(designs, row, tuple(sorted(edits.items())))


def _places(ready: Any, names: tuple[str, ...], design: str, edits: Mapping[str, str]) -> dict[int, Any]:
    """Coordinates and rows of the traces that mark the chosen design and the edited one, empty where there is none."""
    designs, row = session_runs.find(ready, names, design)
    chosen = {name: float(designs.columns[name][row]) for name in names}
    if not np.isfinite(list(chosen.values())).all():  # of another front, whose designs have the metrics of its own axes
        chosen = _opened(designs, row, {}).drawn
    edited = _opened(designs, row, edits).drawn if edits else {}
    places = {}
    for trace, columns in ((SELECTED, chosen), (EDITED, edited)):
        found = all(name in columns for name in names)
        at = {axis: [columns[n]] if found else [] for axis, n in zip("xyz", names, strict=False)}
        places[trace] = at | {"customdata": []}
    return places


def _unseen(designs: Designs, view: Mapping[str, Any], rows: Any) -> list[str]:
    """A sentence on each logarithmic axis that none of the rows has a place on."""
    scaled = [name for name, log in zip(view["names"], view["log"], strict=False) if log]
    hidden = [name for name in scaled if len(rows) and not (designs.columns[name][rows] > 0).any()]
    return [f"{label(name)} is 0 in all of them, which a logarithmic axis cannot show." for name in hidden]


def _about(designs: Designs, shown: int, seen: int | None, about: str, opens: str) -> Any:
    mixed = f" and {len(designs.mixed):,} of mixed precision" if designs.mixed else ""
    left_out = f"; {designs.left_out:,} do not fit, break a limit or cannot run" if designs.left_out else ""
    refused = refusals(designs.space) if designs.left_out else []
    left_out += "".join(f"; {row['designs']:,} refused: {row['strategy']}: {row['reason']}" for row in refused[:3])
    having = f"{shown:,} {'has' if shown == 1 else 'have'} these metrics"
    having += "" if seen is None else f", {seen:,} of them in view"
    return note(f"{counted(designs.swept, 'design')}{mixed}{left_out}; {having}. {about} {opens}")
