"""Explore: a space of designs, its front in any two or three metrics, and any design in detail, to edit."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from app import handover
from app.compare import sent
from app.explore import answers, axes, controls, listing, opened, question, session_runs
from app.explore.axes import AXES
from app.explore.session_runs import SHOWN
from app.web import downloads, settings, state
from app.web.parts import RANGED, graph, panel

NAME = "Explore"
ORDER = 1
LINK = ("run", *question.FIELDS, *AXES, "zoom", "list", "design", "edit")
FIGURES = ("peaks", "breakdown", "device")
DARK = Input("theme", "computedColorScheme")


def layout(given: state.State) -> Any:
    """The page of a link: its question is asked, its axes shown, its design opened."""
    folder = _run(given)
    run = folder is not None
    asked = question.read_link(given, session_runs.uploads())
    own: Sequence[str] = question.SHOWN
    unheld: list[str] = []
    per = "device" if len(asked.devices) > 1 else axes.NONE
    if run:
        found = session_runs.joined(SHOWN, ())[0]
        own, per = found.metrics, axes.grouped(found.space)
        with suppress(ValueError):
            asked, unheld = question.of_space(found.space), question.unheld(found.space)
    shown = axes.read(given, own, per=per)
    listed = state.chosen(given, "list", [listing.LISTED], "")
    zoom = None
    if ends := axes.read_zoom(given, shown):
        ready = SHOWN if run else session_runs.name_of(asked)
        names = axes.named(*(shown[place] for place in axes.PLACES))
        zoom = {"ends": ends, "of": answers.plane(ready, names, shown["log"])}
    edits = _edits(given)
    session_runs.require_id(given.get("design", ""))
    stores = [
        dcc.Store(id="explore-given", data=None if run else asked.linked(session_runs.uploads())),
        dcc.Store(id="explore-asked"),
        dcc.Store(id="explore-ready", data=SHOWN if run else None),
        dcc.Store(id="explore-design", data=given.get("design", "")),
        dcc.Store(id="explore-edits", data=edits),
        dcc.Store(id="explore-zoom", data=zoom),
        dcc.Store(id="explore-drawn"),
    ]
    plane = panel(
        "Designs",
        controls.axis_controls(own, shown),
        graph("explore-front", height=520, config=RANGED, label="Designs by two or three metrics; a click opens one"),
        html.Div(id="explore-about"),
        html.Div(listing.section() if listed else None, id="explore-listing"),
        side=html.Div([controls.states(), controls.list_button()], className="plane-side"),
    )
    form = controls.question_panel(asked, session_runs.uploads(), folder.name if folder else "", unheld)
    top = html.Div([form, plane], className="explore-top")
    return html.Div(
        [*stores, top, html.Div(id="explore-detail-trouble"), html.Div(id="explore-detail")], className="stack"
    )


def _run(given: state.State) -> Path | None:
    """The server's run, where the link does not ask; ValueError where it is of another."""
    session_runs.require_run(given.get("run", ""))
    return None if any(name in given for name in question.FIELDS) else settings.current().run


def _edits(given: state.State) -> dict[str, str]:
    with state.named("edit"):
        return dict(opened.parse_edits(given.get("edit", "")))


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    axes = [f"explore-{name}" for name in AXES]
    asked = [State(f"explore-{name}", "value") for name in question.FIELDS]
    ready, design, edits = (f"explore-{name}" for name in ("ready", "design", "edits"))
    app.callback(
        Output("explore-asked", "data"), Output("explore-trouble", "children"),
        Output(design, "data", allow_duplicate=True), Output(edits, "data", allow_duplicate=True),
        Output("explore-detail", "children", allow_duplicate=True),
        Input("explore-go", "n_clicks"), *asked, prevent_initial_call=True,
    )(answers.ask)  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "forget"), Output("explore-trouble", "children", allow_duplicate=True),
        *[Input(f"explore-{name}", "value") for name in question.FIELDS], prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "begin"), Output("explore-asked", "data", allow_duplicate=True),
        Input("explore-given", "data"), prevent_initial_call="initial_duplicate",
    )  # fmt: skip
    app.callback(
        Output(ready, "data"), Output("explore-trouble", "children", allow_duplicate=True),
        Input("explore-asked", "data"), prevent_initial_call=True, background=True, interval=250,
        running=[
            (Output("explore-go", "disabled"), True, False), (Output("explore-cancel", "disabled"), False, True),
            (Output("explore-sweeping", "children"), "sweeping…", ""),
        ],
        progress=[Output("explore-progress", "value"), Output("explore-sweeping", "children")],
        progress_default=[0, ""],
        cancel=[Input("explore-cancel", "n_clicks")],
    )(answers.sweep)  # fmt: skip
    app.callback(
        Output("explore-front", "figure"), Output("explore-about", "children"), Output("explore-drawn", "data"),
        Input(ready, "data"), *[Input(axis, "value") for axis in axes], DARK, Input("explore-zoom", "data"),
        State(design, "data"), State(edits, "data"), State("explore-drawn", "data"),
        running=[(Output("explore-drawing", "children"), "solving and drawing…", "")],
    )(answers.draw)  # fmt: skip
    app.callback(
        Output(design, "data"), Output(edits, "data"), Input("explore-front", "clickData"),
        State("explore-drawn", "data"), prevent_initial_call=True,
    )(answers.choose)  # fmt: skip
    app.callback(
        Output("explore-listing", "children"), Input("explore-list", "n_clicks"), State("explore-listing", "children"),
        prevent_initial_call=True,
    )(answers.listing_frame)  # fmt: skip
    app.callback(
        Output("explore-table", "rowData"), Output("explore-table", "columnDefs"),
        Output("explore-listed", "children"), Input(ready, "data"),
        *[Input(axis, "value") for axis in (*axes[:3], axes[4])], Input("explore-listing", "children"),
    )(answers.table)  # fmt: skip
    app.callback(
        Output(design, "data", allow_duplicate=True), Output(edits, "data", allow_duplicate=True),
        Input("explore-table", "selectedRows"), State(ready, "data"), *[State(axis, "value") for axis in axes[:3]],
        prevent_initial_call=True,
    )(answers.pick)  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "edit"), Output(edits, "data", allow_duplicate=True),
        Input("explore-layers", "cellValueChanged"), Input("explore-undo", "n_clicks"), State(edits, "data"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.callback(
        Output("explore-detail", "children"), Input(design, "data"), State("explore-detail", "children"),
    )(answers.frame(lambda: sent.button("explore")))  # fmt: skip
    app.callback(
        *sent.outputs("explore"), Input(design, "data"), Input(edits, "data"), Input(ready, "data"),
        *[State(axis, "value") for axis in axes[:3]], Input("explore-detail", "children"),
    )(sent.explored)  # fmt: skip
    sent.register(app, "explore")
    downloads.register(
        app, "explore", handover.exported, handover.reported, State(design, "data"), State(edits, "data"),
        State(ready, "data"), *[State(axis, "value") for axis in axes[:3]],
    )  # fmt: skip
    app.callback(
        Output("explore-totals", "children"), Output("explore-peaks-title", "children"),
        Output("explore-layers", "rowData"), Output("explore-layers", "columnDefs"),
        *[Output(f"explore-{name}", "figure") for name in FIGURES],
        Input(design, "data"), Input(edits, "data"), Input(ready, "data"), *[Input(axis, "value") for axis in axes[:3]],
        DARK, State("explore-layers", "columnDefs"),
    )(answers.show)  # fmt: skip
    app.callback(
        Output("explore-front", "figure", allow_duplicate=True), Output("explore-detail-trouble", "children"),
        Input(design, "data"), Input(edits, "data"), Input("explore-drawn", "data"),
        prevent_initial_call="initial_duplicate",
    )(answers.mark)  # fmt: skip
    app.callback(
        Output("view", "data", allow_duplicate=True),
        Input("explore-asked", "data"), Input(design, "data"), Input(edits, "data"), Input("explore-zoom", "data"),
        Input("explore-listing", "children"), Input(ready, "data"), *[Input(axis, "value") for axis in axes],
        prevent_initial_call=True,
    )(answers.link)  # fmt: skip
    app.callback(
        Output("explore-model", "data"), Output("explore-model", "value"), Output("explore-uploaded", "children"),
        Output("explore-upload", "contents"), Input("explore-upload", "contents"), State("explore-upload", "filename"),
        State("explore-model", "data"), prevent_initial_call=True,
    )(answers.upload)  # fmt: skip
    app.callback(
        *[Output(f"explore-{name}", "disabled") for name in ("phase", "context", "resolution")],
        Input("explore-model", "value"),
    )(answers.apply)  # fmt: skip
    app.callback(
        Output("explore-words", "children"), Input("explore-precisions", "value"), Input("explore-model", "value"),
        prevent_initial_call=True,
    )(answers.spell)  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "zoomed"), Output("explore-zoom", "data"),
        Output("explore-front", "figure", allow_duplicate=True), Input("explore-front", "relayoutData"),
        State("explore-drawn", "data"), State("explore-front", "figure"), prevent_initial_call=True,
    )  # fmt: skip
