"""Claims: what papers publish beside what the formulas here give, one row a figure, with its source."""

import json
from functools import cache
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from app import claims
from app.web import state
from app.web.parts import WHOLE, WRAPPED, grid, note, panel

NAME = "Claims"
ORDER = 5
LINK = ("system", "verdict", "filters", "sort")
ALL = "all"
COLOURS = {"reproduced": "var(--good)", "contradicted": "var(--bad)", "hardware": "var(--elsewhere)",
           "training": "var(--quiet)"}  # fmt: skip
"""Of the page's own, which can be read on both grounds."""

NUMBER = {"function": "params.value == null ? '–' : d3.format(',.5~g')(params.value)"}
PERCENT = {"function": "params.value == null ? '–' : d3.format('.2~%')(params.value)"}
VERDICT = {
    "styleConditions": [
        {"condition": f"params.value == '{verdict}'", "style": {"color": colour, "fontWeight": 600}}
        for verdict, colour in COLOURS.items()
    ]
}
COLUMNS = [
    {"field": "system", "headerName": "System", "width": 124, "pinned": "left", "filter": True, **WRAPPED},
    {"field": "quantity", "headerName": "Quantity", "minWidth": 160, "flex": 3, "filter": True,
     "tooltipField": "quantity", **WRAPPED},
    {"field": "published", "headerName": "Published", "valueFormatter": NUMBER, "type": "rightAligned", "width": 86},
    {"field": "reproduced", "headerName": "Reproduced", "valueFormatter": NUMBER, "type": "rightAligned", "width": 98},
    {"field": "rel_error", "headerName": "Difference", "valueFormatter": PERCENT, "type": "rightAligned", "width": 88},
    {"field": "rtol", "headerName": "Tolerance", "valueFormatter": PERCENT, "type": "rightAligned", "width": 82},
    {"field": "verdict", "headerName": "Verdict", "cellStyle": VERDICT, "width": 122},
    {"field": "how", "headerName": "How", "width": 74},
    {"field": "gap", "headerName": "Why not", "minWidth": 196, "flex": 4, "tooltipField": "gap", **WHOLE},
    {"field": "source", "headerName": "Source", "minWidth": 164, "flex": 2, "tooltipField": "source", **WHOLE},
]  # fmt: skip


FILTERED = [str(column["field"]) for column in COLUMNS if column.get("filter")]


@cache
def rows() -> list[dict[str, Any]]:
    """Every claim, reproduced once a server."""
    return claims.rows()


def layout(given: state.State) -> Any:
    """The table, with a choice of system and verdict."""
    systems = sorted({row["system"] for row in rows()}, key=str.lower)
    system = state.chosen(given, "system", [ALL, *systems], ALL)
    verdict = state.chosen(given, "verdict", [ALL, *claims.VERDICTS], ALL)
    controls = dmc.Group(
        [
            dmc.Select(
                id="claims-system", label="System", value=system, w=280, searchable=True, allowDeselect=False,
                data=[{"value": ALL, "label": f"all {len(systems)} systems"}, *systems],
            ),
            dmc.SegmentedControl(
                id="claims-verdict", data=[ALL, *claims.VERDICTS], value=verdict, size="sm",
                **{"aria-label": "Verdict"},
            ),
        ],
        align="end",
    )  # fmt: skip
    table = panel(
        "Published against reproduced",
        controls,
        html.Div(id="claims-count", className="facts"),
        grid(
            "claims-table", _sorted(given.get("sort", "")), height=620, rowData=[],
            filterModel=_filters(given.get("filters", "")),
        ),
        dcc.Store(id="claims-sort", data=given.get("sort", "")),
        note(
            "Reproduced: a formula here gives the figure within the tolerance of the source's rounding. Contradicted: "
            "it does not, and the row says why. Hardware and training figures need a run elsewhere: they are shown, "
            "never called reproduced. How a figure is computed: by the source's formula, by counting the network, or "
            "by fitting published data again; what has no independent figure to compare with is in bitfront claims "
            "--checks. Systems of which no figure was read say so."
        ),
    )  # fmt: skip
    return html.Div([table], className="stack")


def _filters(spelled: str) -> dict[str, Any]:
    """What a link filters columns by, AG Grid's model as JSON; ValueError says what it expects."""
    try:
        found = json.loads(spelled or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(
        name in FILTERED and isinstance(model, dict) and model.get("filterType") == "text"
        for name, model in found.items()
    ):
        told = f"of {' or '.join(FILTERED)}, each with filterType text"
        raise ValueError(f"filters must be the grid's JSON {told}, got {spelled[:40]!r}")
    return found


def _sorted(spelled: str) -> list[dict[str, Any]]:
    """The columns, sorted as a link says: the first by field:asc or field:desc, and so on; ValueError for another."""
    names = [str(column["field"]) for column in COLUMNS]
    by = [part.split(":") for part in spelled.split(",") if part]
    for found in by:
        if len(found) != 2 or found[0] not in names or found[1] not in {"asc", "desc"}:
            raise ValueError(f"sort must be columns of {', '.join(names)} with :asc or :desc, got {':'.join(found)!r}")
    order = {name: {"sort": way, "sortIndex": i} for i, (name, way) in enumerate(by)}
    return [column | order.get(str(column["field"]), {}) for column in COLUMNS]


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    app.clientside_callback(
        ClientsideFunction("bitfront", "sorted"),
        Output("claims-sort", "data"), Input("claims-table", "virtualRowData"), prevent_initial_call=True,
    )  # fmt: skip

    @app.callback(
        Output("claims-table", "rowData"), Output("claims-count", "children"),
        Input("claims-system", "value"), Input("claims-verdict", "value"),
    )  # fmt: skip
    def show(system: str | None, verdict: str) -> Any:
        of_system = [row for row in rows() if system in (ALL, None, row["system"])]
        found = [row for row in of_system if verdict in (ALL, row["verdict"])]
        counts = [
            html.Div([html.Span(name, className="fact-name", style={"color": COLOURS[name]}), html.Span(str(number))])
            for name, number in claims.count(of_system).items()
        ]
        return found, counts

    @app.callback(
        Output("view", "data", allow_duplicate=True), Input("claims-system", "value"), Input("claims-verdict", "value"),
        Input("claims-table", "filterModel"), Input("claims-sort", "data"), prevent_initial_call="initial_duplicate",
    )  # fmt: skip
    def link(system: str | None, verdict: str, filters: Any, sort: str | None) -> dict[str, Any]:
        shown = {"system": system, "verdict": verdict, "sort": sort}
        kept = {name: "" if value == ALL else value for name, value in shown.items()}
        return kept | {"filters": json.dumps(filters, separators=(",", ":")) if filters else ""}
