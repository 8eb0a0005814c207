"""Designs that other pages send to Compare: as a link to it holds them, or why it cannot take them."""

from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from app.compare import by_layer, question
from app.compare.question import AXES, PER_LAYER
from app.explore import axes, session_runs
from app.explore.designs import Designs
from app.explore.opened import Opened, open_design
from app.optimise import solution
from app.web.spelling import canonical

TAKEN = ("model", "device", "precision", "strategy", *AXES)
"""Axes of a space that Compare has."""


def button(page: str) -> Any:
    """A page's button that sends its design to Compare, and why it cannot."""
    return html.Div(
        [
            html.Span(id=f"{page}-unsent", className="status", role="status"),
            dcc.Store(id=f"{page}-sent"),
            dmc.Button("Compare", id=f"{page}-send", variant="default", size="compact-xs", disabled=True),
        ],
        className="plane-side",
    )


def outputs(page: str) -> list[Output]:
    """What `explored` and `planned` answer, of a page."""
    return [Output(f"{page}-sent", "data"), Output(f"{page}-send", "disabled"), Output(f"{page}-unsent", "children")]


def register(app: Dash, page: str) -> None:
    """Let a page's button open Compare with the designs that were sent before, and its own."""
    app.clientside_callback(
        ClientsideFunction("bitfront", "send"), Output("url", "pathname", allow_duplicate=True),
        Output("url", "search", allow_duplicate=True), Output(f"{page}-unsent", "children", allow_duplicate=True),
        Input(f"{page}-send", "n_clicks"), State(f"{page}-sent", "data"), prevent_initial_call=True,
    )  # fmt: skip


def explored(design: Any, edits: Any, ready: Any, x: Any, y: Any, z: Any, _framed: Any = None) -> tuple[str, bool, str]:
    """What the button of Explore sends for an opened design, whether it is disabled, and why."""
    if not design or ready is None:
        raise PreventUpdate
    try:
        designs, row = session_runs.find(ready, axes.named(x, y, z), design)
        return (
            of_explored(designs, row, open_design(designs, row, tuple(sorted(edits.items()))), bool(edits)),
            False,
            "",
        )
    except ValueError as error:
        return "", True, str(error)


def planned(design: Any) -> tuple[str, bool, str]:
    """What the button of Optimise sends for a plan, whether it is disabled, and why."""
    if not design:
        raise PreventUpdate
    try:
        return of_plan(solution.kept(design)), False, ""
    except ValueError as error:
        return "", True, str(error)


def of_explored(designs: Designs, row: int, found: Opened, edited: bool) -> str:
    """An opened design's text; ValueError in one line where Compare does not have what it varies."""
    values = designs.values(row)
    for name in values:
        if name not in TAKEN:
            raise ValueError(f"Compare has no {name}")
    model, phase, batch = session_runs.linked_model(values)
    given = {name: str(values[name]) for name in AXES if name in values} | {"phase": phase}
    given |= {"batch": batch} if batch else {}
    if not isinstance(strategy := values.get("strategy", "none"), str):
        raise ValueError("Compare has no list of strategies")
    spelled = str(values["precision"])
    if row >= designs.swept or edited:
        given |= _plan(found.precisions, found.laid_for)
        spelled = PER_LAYER
    return question.design(model, str(values["device"]), spelled, given | {"strategy": strategy}).text


def of_plan(result: Mapping[str, Any]) -> str:
    """A plan's text; ValueError in one line where Compare cannot take it."""
    if "lut" in result["totals"] and not result.get("laid_for"):
        raise ValueError("Compare folds for one precision on the whole device: this plan's folding is its own")
    assignment = {**result["not_chosen"], **result["assignment"]}
    ordered = [assignment[layer["name"]] for layer in result["layers"] if layer["name"] in assignment]
    asked = {name: str(value) for name, value in result["asked"].items() if value}
    given = asked | _plan([canonical(text) for text in ordered], result.get("laid_for", ""))
    return question.design(result["link"], result["device"], PER_LAYER, given).text


def _plan(precisions: list[str], laid_for: str) -> dict[str, str]:
    return {"layers": by_layer.pack(precisions)} | ({"laid_for": laid_for} if laid_for else {})
