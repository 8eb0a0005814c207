"""What a chosen design is downloaded as, a report or a file of another tool: a control that pages share."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from app.web.parts import note, trouble

Result = Mapping[str, Any]

REPORTS = {"report.html": "Report (HTML)", "report.pdf": "Report (PDF)", "report.md": "Report (Markdown)",
           "report.csv": "Layers (CSV)", "report.parquet": "Layers (Parquet)", "plan.json": "Plan (JSON)"}  # fmt: skip
ENDINGS = {"llm-compressor": "yaml", "modelopt": "yaml", "hls4ml": "yaml", "qonnx": "onnx"}


def control(page: str) -> Any:
    """What to download and the button that does, of a page."""
    choice = dmc.Select(
        id=f"{page}-target", data=targets({}), value="report.html", size="xs", w=200, allowDeselect=False,
        maxDropdownHeight=480,
        comboboxProps={"width": 460, "position": "bottom-end"}, **{"aria-label": "File to download"},
    )  # fmt: skip
    save = dmc.Button("Download", id=f"{page}-save", size="xs", variant="default")
    return dmc.Group([html.Div(choice, id=f"{page}-choosing", className="choosing"), save], gap="xs")


def place(page: str) -> Any:
    """Where a page says what is wrong with a file, or must be known beside it."""
    return html.Div([html.Div(id=f"{page}-save-trouble"), dcc.Download(id=f"{page}-file")])


def register(
    app: Dash,
    page: str,
    exported: Callable[..., Result],
    reported: Callable[..., Result],
    *states: State,
) -> None:
    """Let a page's control mark what its design cannot be, and download.

    exported, reported  return the design of the states' values as `app.exports` and `app.report` take it; ValueError
                        in one line where there is none
    """

    def mark(_clicks: Any, *values: Any) -> Any:
        from app import exports

        try:
            return targets(exports.refusals(exported(*values)))
        except ValueError as error:
            return targets(dict.fromkeys(exports.names(), str(error)))

    def download(clicks: Any, target: Any, *values: Any) -> Any:
        if not clicks:
            raise PreventUpdate
        try:
            result = (reported if target in REPORTS else exported)(*values)
            content, name = file(result, str(target))
        except ValueError as error:
            return no_update, trouble(str(error), f"{target} cannot express this design")
        return dcc.send_bytes(content, name), [note(f"{line}.") for line in beside(result, str(target))]

    app.callback(
        Output(f"{page}-target", "data"), Input(f"{page}-choosing", "n_clicks"), *states, prevent_initial_call=True,
    )(mark)  # fmt: skip
    app.callback(
        Output(f"{page}-file", "data"), Output(f"{page}-save-trouble", "children"), Input(f"{page}-save", "n_clicks"),
        State(f"{page}-target", "value"), *states, prevent_initial_call=True,
        running=[(Output(f"{page}-save", "disabled"), True, False)],
    )(download)  # fmt: skip


def targets(refused: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a design may be downloaded as; of tools that refuse it, why, and not to be chosen."""
    from app import exports
    from app.report.pdf import chromium

    reports = [{"value": name, "label": words} for name, words in REPORTS.items() if name != "report.pdf" or chromium()]
    tools = [
        {"value": name, "label": f"{name}: {refused[name]}" if name in refused else name, "disabled": name in refused}
        for name in exports.names()
    ]
    return [{"group": "Reports", "items": reports}, {"group": "For other tools", "items": tools}]


def file(result: Result, target: str) -> tuple[bytes, str]:
    """A design's file for a target and its name; ValueError where the target cannot express it."""
    from app import exports
    from app.report import write
    from app.text import to_json

    if target == "plan.json":
        return to_json(result).encode(), "plan.json"
    if target in REPORTS:
        with tempfile.TemporaryDirectory() as folder:
            return write(dict(result), Path(folder) / target).read_bytes(), target
    content = exports.render(target, dict(result))
    return content if isinstance(content, bytes) else content.encode(), f"{target}.{ENDINGS.get(target, 'json')}"


def beside(result: Result, target: str) -> list[str]:
    """What whoever reads a design's file for another tool must know beside it."""
    from app import exports

    return exports.notes(result) if target in exports.names() else []
