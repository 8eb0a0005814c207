"""Optimise: each layer's format of least loss within budgets, proven, to download for the tools that apply it."""

from typing import Any

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, dcc, html

from app.compare import sent
from app.explore.session_runs import uploads
from app.optimise import answers, controls, question, solution, view
from app.web import downloads, state
from app.web.parts import note, panel

NAME = "Optimise"
ORDER = 2
LINK = (*question.FIELDS, "budgets", "ties", "pins", "max_formats", "time", "design")
DARK = Input("theme", "computedColorScheme")


def layout(given: state.State) -> Any:
    """The page of a link: its problem is shown, and solved if the link has a plan."""
    asked = question.read_link(given, uploads())
    solution.require_id(given.get("design", ""))
    stores = [
        dcc.Store(id="optimise-asked", data=asked.linked(uploads()) if given.get("design") else None),
        dcc.Store(id="optimise-design", data=""),
        dcc.Store(id="optimise-linked", data={"design": given.get("design", ""), "asked": asked.linked(uploads())}),
        dcc.Store(id="optimise-answered"),
    ]
    budgets = panel(
        "Budgets",
        note(
            "No plan of these formats is beyond the ends, each budget by itself; on an FPGA in any folding, up to the "
            "device's resources unless every plan takes more. Not every value between can be met."
        ),
        html.Fieldset(controls.budgets(asked), id="optimise-budgets", className="budgets"),
        controls.solving(),
    )
    right = html.Div([budgets, view.section(sent.button("optimise"))], className="stack")
    top = html.Div([controls.form(asked, uploads()), right], className="optimise-top")
    return html.Div([*stores, top, view.tables()], className="stack")


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    fields = [f"optimise-{name}" for name in question.FIELDS]
    boxes = {"type": controls.BOX, "metric": ALL, "low": ALL, "high": ALL}
    own = {"metric": MATCH, "low": MATCH, "high": MATCH}
    slide, box = {"type": controls.SLIDE, **own}, {"type": controls.BOX, **own}
    go, cancel = Output("optimise-go", "disabled"), Output("optimise-cancel", "disabled")
    limits = [State(boxes, "value"), State(boxes, "id")]
    app.callback(
        Output("optimise-budgets", "children"), Output("optimise-trouble", "children", allow_duplicate=True),
        Output("optimise-go", "disabled", allow_duplicate=True),
        *[Input(name, "value") for name in fields], Input("optimise-ties", "value"), *limits,
        prevent_initial_call=True, running=[(Output("optimise-budgets", "disabled"), True, False)],
    )(answers.prepare)  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("bitfront", "forget"), Output("optimise-trouble", "children", allow_duplicate=True),
        *[Input(name, "value") for name in fields], Input("optimise-ties", "value"), Input(boxes, "value"),
        *[Input(f"optimise-{name}", "value") for name in ("max-formats", "time", "pins")], prevent_initial_call=True,
    )  # fmt: skip
    app.callback(
        Output(slide, "value"), Output(box, "value"), Input(slide, "value"), Input(box, "value"), State(box, "id"),
        prevent_initial_call=True,
    )(answers.move)  # fmt: skip
    app.callback(
        Output("optimise-asked", "data"), Output("optimise-trouble", "children"), Output("optimise-answered", "data"),
        Input("optimise-go", "n_clicks"), Input(boxes, "value"), State("optimise-answered", "data"),
        *[State(name, "value") for name in fields], State("optimise-ties", "value"),
        State("optimise-max-formats", "value"), State("optimise-time", "value"), State("optimise-pins", "value"),
        State(boxes, "id"), prevent_initial_call=True,
    )(answers.ask)  # fmt: skip
    app.callback(
        Output("optimise-design", "data"), Output("optimise-trouble", "children", allow_duplicate=True),
        Input("optimise-asked", "data"), prevent_initial_call="initial_duplicate", background=True, interval=200,
        running=[(go, True, False), (cancel, False, True)],
        progress=[Output("optimise-progress", "value"), Output("optimise-status", "children")],
        progress_default=[0, ""], cancel=[Input("optimise-cancel", "n_clicks")],
    )(answers.solve)  # fmt: skip
    app.callback(
        Output("optimise-plan", "children"), Output("optimise-front", "figure"), Output("optimise-bits", "figure"),
        Output("optimise-designs", "rowData"), Output("optimise-designs", "columnDefs"),
        Output("optimise-layers", "rowData"), Output("optimise-layers", "columnDefs"),
        Output("optimise-result", "style"), Output("optimise-tables", "style"),
        Input("optimise-design", "data"), DARK, Input("narrow", "data"), State("optimise-asked", "data"),
        State("optimise-linked", "data"),
    )(answers.show)  # fmt: skip
    downloads.register(app, "optimise", solution.printed, solution.printed, State("optimise-design", "data"))
    app.callback(
        Output("view", "data", allow_duplicate=True), Input("optimise-design", "data"), Input(boxes, "value"),
        *[Input(f"optimise-{name}", "value") for name in ("max-formats", "time", "pins")],
        State("optimise-asked", "data"), *[State(name, "value") for name in fields], State("optimise-ties", "value"),
        State(boxes, "id"), prevent_initial_call=True,
    )(answers.link)  # fmt: skip
    app.callback(
        *[Output(f"optimise-{name}", "disabled") for name in ("phase", "context", "resolution")],
        Output("optimise-tie-fused", "style"), Output("optimise-ties", "description"),
        Input("optimise-model", "value"),
    )(answers.apply)  # fmt: skip
    app.callback(
        Output("optimise-words", "children"), Input("optimise-formats", "value"), Input("optimise-model", "value"),
        prevent_initial_call=True,
    )(answers.spell)  # fmt: skip
    app.callback(*sent.outputs("optimise"), Input("optimise-design", "data"))(sent.planned)
    sent.register(app, "optimise")
