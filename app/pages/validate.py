"""Validate: predicted against measured, held-out errors and what intervals hold; by which to trust the tool or not."""

from functools import cache
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, html

from app import accuracy, measured_sets
from app.figures import accuracy as figures
from app.figures.style import dressed
from app.web import settings, state
from app.web.parts import WRAPPED, graph, grid, note, panel, trouble

NAME = "Validate"
ORDER = 4
LINK = ("model", "rows", "group")
ALL = "all"
DARK = Input("theme", "computedColorScheme")
NARROW = Input("narrow", "data")

PERCENT = {"function": "params.value == null ? '–' : d3.format('.1%')(params.value)"}
SIGNED = {"function": "params.value == null ? '–' : d3.format('+.1%')(params.value)"}
WHOLE = {"function": "params.value == null ? '–' : d3.format(',')(params.value)"}
THREE = {"function": "params.value == null ? '–' : d3.format('.3f')(params.value)"}
OUTSIDE = {
    "styleConditions": [
        {"condition": "params.value != null && (params.value < 0.88 || params.value > 0.92)",
         "style": {"fontWeight": 700}}
    ]
}  # fmt: skip
"""Coverage that is not within two points of the 90 % that intervals are made for stands out."""

COLUMNS: list[dict[str, Any]] = [
    {"field": "device", "headerName": "Device", "width": 104, "pinned": "left"},
    {"field": "kind", "headerName": "Kind", "width": 104, **WRAPPED},
    {"field": "backend", "headerName": "Backend", "width": 112, **WRAPPED},
    {"field": "rows", "headerName": "Rows", "valueFormatter": WHOLE, "type": "rightAligned", "width": 64},
    {"field": "roofline", "headerName": "Roofline", "valueFormatter": PERCENT, "type": "rightAligned", "width": 82},
    {"field": "mape", "headerName": "Mean error", "valueFormatter": PERCENT, "type": "rightAligned", "width": 76},
    {"field": "median", "headerName": "Median", "valueFormatter": PERCENT, "type": "rightAligned", "width": 76},
    {"field": "p90", "headerName": "90th pct.", "valueFormatter": PERCENT, "type": "rightAligned", "width": 76},
    {"field": "bias", "headerName": "Bias", "valueFormatter": SIGNED, "type": "rightAligned", "width": 70},
    {"field": "kendall_tau", "headerName": "Kendall τ", "valueFormatter": THREE, "type": "rightAligned", "width": 86},
    {"field": "coverage", "headerName": "90 % holds", "valueFormatter": PERCENT, "cellStyle": OUTSIDE,
     "type": "rightAligned", "width": 80, "headerTooltip": "Measurements that the 90 % interval holds"},
    {"field": "stage", "headerName": "Model", "width": 146, "tooltipField": "stage"},
    {"field": "source", "headerName": "Measured by", "minWidth": 120, "flex": 1, "tooltipField": "source"},
]  # fmt: skip
FIGURES = (
    ("rows", "Rows", "{:,.0f}"), ("mape", "Mean error", "{:.1%}"), ("median", "Median error", "{:.1%}"),
    ("p90", "90th percentile", "{:.1%}"), ("bias", "Mean signed error", "{:+.1%}"),
    ("coverage", "90 % interval holds", "{:.1%}"),
)  # fmt: skip


def known_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns of which any row has a value: a model without intervals has none that they hold."""
    return [column for column in COLUMNS if any(row.get(column["field"]) is not None for row in rows)]


@cache
def calibrations() -> list[dict[str, Any]]:
    """What calibrations say of themselves, read once."""
    return accuracy.held_out()


def layout(given: state.State) -> Any:
    """The table of calibrations by model, and one set of measured rows beside its predictions."""
    models = list(dict.fromkeys(row["model"] for row in calibrations()))
    names = measured_sets.names(settings.current().measured)
    model = state.chosen(given, "model", models, models[0])
    rows = state.chosen(given, "rows", names, names[0])
    group = state.chosen(given, "group", _groups(given, rows), ALL)
    return html.Div([_calibrations(models, model), _rows(names, rows, group)], className="stack")


def _groups(given: state.State, rows: str) -> tuple[str, ...]:
    """What a link's group may be; the rows are read for a link that names one."""
    return (ALL, *measured_sets.measured(rows, settings.current().measured).groups) if given.get("group") else ()


def _calibrations(models: list[str], model: str) -> Any:
    choice = dmc.SegmentedControl(
        id="validate-model", data=models, value=model, size="xs", **{"aria-label": "Kind of model"}
    )
    return panel(
        "Error on rows that no fit saw",
        note(
            "Rows are held out by what they are (a pair of n and k, a configuration of heads, a design's name), never "
            "at random, so that a network's shapes are new to the model. The roofline is the plain one. Bold: the 90 % "
            "interval holds fewer than 88 % of them, or more than 92 %."
        ),
        graph("validate-errors", height=430, label="Mean held-out error by calibration"),
        grid("validate-calibrations", COLUMNS, height=620, rowData=[]),
        side=choice,
    )


def _rows(names: list[str], chosen: str, group: str) -> Any:
    controls = dmc.Group(
        [
            dmc.Select(id="validate-rows", label="Measurements", data=names, value=chosen, w=420, allowDeselect=False),
            dmc.Select(id="validate-group", label="Only", data=[], value=group, w=300, searchable=True),
            html.Span(id="validate-reading", className="status", role="status"),
        ],
        align="end",
    )
    return panel(
        "Predicted against measured",
        controls,
        html.P(id="validate-told", className="told"),
        html.Div(id="validate-figures", className="facts"),
        html.Div(
            [
                graph("validate-scatter", height=420, label="Predicted against measured values, a point a row"),
                graph("validate-histogram", height=420, label="Histogram of relative errors"),
            ],
            className="two wide-first",
        ),
        note(
            "Dotted lines are 10 % off. Your own measurements: bitfront app --measured FILE, with the columns that "
            "bitfront validate takes, or whole passes of profile gpu."
        ),
    )


def register(app: Dash) -> None:
    """Add the page's callbacks."""

    @app.callback(
        Output("validate-calibrations", "rowData"), Output("validate-calibrations", "columnDefs"),
        Output("validate-errors", "figure"), Output("validate-errors", "style"), Input("validate-model", "value"), DARK,
        NARROW,
    )  # fmt: skip
    def show(model: str, scheme: str, narrow: bool | None) -> Any:
        rows = [row for row in calibrations() if row["model"] == model]
        drawn = figures.by_calibration(rows, narrow=bool(narrow))
        return rows, known_columns(rows), dressed(drawn, scheme == "dark"), {"height": f"{drawn.layout.height}px"}

    @app.callback(
        Output("validate-scatter", "figure"), Output("validate-histogram", "figure"),
        Output("validate-figures", "children"), Output("validate-group", "data"), Output("validate-group", "value"),
        Output("validate-told", "children"), Input("validate-rows", "value"), Input("validate-group", "value"), DARK,
        NARROW, running=[(Output("validate-reading", "children"), "predicting…", "")],
    )  # fmt: skip
    def compare(name: str, group: str | None, scheme: str, narrow: bool | None) -> Any:
        try:
            every = measured_sets.measured(name, settings.current().measured)
        except ValueError as error:
            empty = dressed(figures.nothing(), scheme == "dark")
            return empty, empty, trouble(str(error)), [], ALL, ""
        group = group if group in every.groups else ALL
        found = every.of(group)
        figures_of = (figures.predicted_measured(found, narrow=bool(narrow)), figures.errors(found))
        drawn = [dressed(figure, scheme == "dark") for figure in figures_of]
        options = [{"value": ALL, "label": "all rows"}, *({"value": g, "label": g} for g in every.groups)]
        step = figures.thinning(found)
        thinned = (
            f" Of the {len(found.measured):,} rows, one in {step} is drawn; the figures are of all." if step > 1 else ""
        )
        return *drawn, _facts(found), options, group, found.told + thinned

    @app.callback(
        Output("view", "data", allow_duplicate=True), Input("validate-model", "value"), Input("validate-rows", "value"),
        Input("validate-group", "value"), prevent_initial_call=True,
    )  # fmt: skip
    def link(model: str, rows: str, group: str | None) -> dict[str, Any]:
        return {"model": model, "rows": rows, "group": "" if group == ALL else group}


def _facts(found: accuracy.Measured) -> list[Any]:
    figures_of = found.figures()
    return [
        html.Div([html.Span(words, className="fact-name"), html.Span("–" if v is None else shape.format(v))])
        for name, words, shape in FIGURES
        for v in (figures_of[name],)
    ]
