"""Compare: designs side by side, what differs, what ranges tell apart, and where one overtakes another."""

import json
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, dcc, html

from app.compare import answers, controls, designs, question
from app.text import label
from app.web import state
from app.web.parts import graph, note, panel

NAME = "Compare"
ORDER = 3
LINK = (*question.SLOTS, "axis", "metric", "low", "high", "reference", "differences", "part", "scale")
DARK = Input("theme", "computedColorScheme")
NARROW = Input("narrow", "data")


def layout(given: state.State) -> Any:
    """The page of a link: its designs are estimated and drawn along its axis."""
    asked = question.read(given)
    stores = [dcc.Store(id=f"compare-{name}") for name in ("asked", "along", "found", "curves", "settled")]
    form = panel(
        "Designs",
        html.Div(html.Div(controls.rows(asked.designs), id="compare-rows"), className="compare-rows"),
        html.Div(id="compare-trouble"),
        side=dmc.Button("Add a design", id="compare-add", variant="default", size="xs"),
    )
    parts = [*stores, form, _table(asked, given), html.Div(id="compare-layers"), _figures(asked, given)]
    own = json.dumps([question.read_design(text).text for text in question.DEFAULTS])
    return html.Div(parts, className="stack", id="compare", **{"data-unasked": own})


def _table(asked: question.Question, given: state.State) -> Any:
    references = answers.references(asked.designs)
    values = [choice["value"] for choice in references]
    reference = state.chosen(given, "reference", values, values[0])
    only = state.chosen(given, "differences", ["only"], "") == "only"
    side = dmc.Group([
        dmc.Switch(id="compare-only", label="Differences alone", checked=only, size="xs"),
        dmc.Text("Reference", size="xs", c="dimmed"),
        dmc.Select(id="compare-reference", data=references, value=reference, size="xs", w=200, allowDeselect=False,
                   **{"aria-label": "Reference"}),
    ], gap="sm")  # fmt: skip
    return panel(
        "Side by side",
        html.Div(id="compare-table-trouble"),
        dcc.Loading(html.Div(id="compare-shown", className="compare-shown"), delay_show=400, type="dot"),
        note(
            "Designs whose ranges overlap are not called better or worse: they may equal the best. Multiples are of "
            "the reference's value, ≈ where either has a range. A dot tells where a number comes from: measured "
            "(green), a formula (grey), carried over from elsewhere (amber)."
        ),
        side=side,
    )


def _figures(asked: question.Question, given: state.State) -> Any:
    parts = [{"value": name, "label": label(name)} for name in designs.PARTS]
    part = state.chosen(given, "part", designs.PARTS, designs.PARTS[0])
    choice = dmc.Select(id="compare-part", data=parts, value=part, size="xs", w=160, allowDeselect=False,
                        **{"aria-label": "Metric of the layers"})  # fmt: skip
    along = panel(
        "Along an axis",
        controls.axis(asked, state.chosen(given, "scale", controls.SCALES, controls.SCALES[0])),
        dmc.Progress(id="compare-progress", value=0, size="xs", **{"aria-label": "Progress of the curves"}),
        html.Div(id="compare-curves-trouble"),
        graph("compare-curves-figure", height=400, label="The metric of each design along the axis, crossovers marked"),
        html.Div(id="compare-words"),
        side=dmc.Button("Cancel", id="compare-cancel", variant="default", size="xs", disabled=True),
    )
    kinds = panel(
        "Layers by kind",
        graph("compare-kinds", height=440, label="Layers of each design summed by kind"),
        side=choice,
    )
    return html.Div([along, kinds], className="two")


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    every = {"type": controls.FIELD, "name": ALL, "row": ALL}
    own = {name: {"type": controls.FIELD, "name": name, "row": MATCH} for name in controls.FIELDS}
    asked, along, found, curves = (f"compare-{name}" for name in ("asked", "along", "found", "curves"))
    metric, axis, low, high = (f"compare-{name}" for name in ("metric", "axis", "low", "high"))
    app.callback(
        Output("compare-rows", "children"), Output("compare-trouble", "children", allow_duplicate=True),
        Input("compare-add", "n_clicks"), Input({"type": controls.REMOVE, "row": ALL}, "n_clicks"),
        State(every, "value"), State(every, "id"), prevent_initial_call=True,
        running=[(Output("compare-add", "disabled"), True, False)],
    )(answers.change)  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "settle"), Output("compare-settled", "id"), Input(every, "value"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.callback(
        Output(own["phase"], "disabled"), Output(own["phase"], "value"), Output(own["context"], "disabled"),
        Output(own["context"], "value"), Output(own["resolution"], "disabled"), Output(own["resolution"], "value"),
        Input(own["model"], "value"), Input(own["phase"], "value"),
        prevent_initial_call=True,
    )(answers.apply)  # fmt: skip
    app.callback(
        Output(asked, "data"), Output(along, "data"), Output(metric, "data"), Output(axis, "data"),
        Output(metric, "value"), Output(axis, "value"), Output(low, "value"), Output(high, "value"),
        Output("compare-reference", "data"), Output("compare-trouble", "children"),
        Input("compare-settled", "data"), *[Input(name, "value") for name in (metric, axis, low, high)],
        State(every, "value"), State(every, "id"), State(asked, "data"), State(along, "data"),
    )(answers.ask)  # fmt: skip
    app.callback(
        Output(found, "data"), Output("compare-table-trouble", "children"), Input(asked, "data"),
        background=True, interval=150, prevent_initial_call=True,
    )(answers.estimate)  # fmt: skip
    app.callback(
        Output(curves, "data"), Output("compare-curves-trouble", "children"), Input(along, "data"),
        background=True, interval=150, prevent_initial_call=True,
        running=[(Output("compare-cancel", "disabled"), False, True)],
        progress=[Output("compare-progress", "value")], progress_default=[0],
        cancel=[Input("compare-cancel", "n_clicks")],
    )(answers.draw)  # fmt: skip
    reference, only, part, scale = "compare-reference", "compare-only", "compare-part", "compare-scale"
    app.callback(
        Output("compare-shown", "children"), Output("compare-layers", "children"),
        Input(found, "data"), Input(reference, "value"), Input(only, "checked"),
    )(answers.show)  # fmt: skip
    app.callback(
        Output("compare-kinds", "figure"), Output(part, "data"), Output(part, "value"),
        Input(found, "data"), Input(part, "value"), DARK, NARROW,
    )(answers.kinds)  # fmt: skip
    app.callback(
        Output("compare-curves-figure", "figure"), Output("compare-words", "children"),
        Input(curves, "data"), Input(scale, "value"), Input(reference, "value"), DARK,
    )(answers.lines)  # fmt: skip
    app.callback(
        Output("view", "data", allow_duplicate=True), Input(along, "data"), Input(reference, "value"),
        Input(only, "checked"), Input(part, "value"), Input(scale, "value"), prevent_initial_call=True,
    )(answers.link)  # fmt: skip
