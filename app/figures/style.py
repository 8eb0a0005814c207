"""The look that all figures share."""

import base64
import re
from typing import Any

import numpy as np

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#000000")
"""Okabe and Ito's colours, told apart with any colour vision: jfly.uni-koeln.de/color, 2008."""

CONFIG: dict[str, Any] = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
"""plotly.js options: without the first, plotly 7 offers to upload the figure."""

WIDE: dict[str, Any] = {"meta": {"wide": True}}
"""What the layout of a figure has that needs the whole width of a report."""

_AXIS = {"gridcolor": "#EBF0F8", "linecolor": "#EBF0F8", "zerolinecolor": "#EBF0F8", "ticks": "", "automargin": True}
TEMPLATE: dict[str, Any] = {
    "layout": {
        "colorway": list(PALETTE),
        "font": {"color": "#2a3f5f"},
        "hovermode": "closest",
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "title": {"x": 0.05},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
}
"""The look of a figure, small: plotly's own templates are copied and checked anew with every change of a layout."""


def blank() -> Any:
    """A figure without data, in the look."""
    import plotly.graph_objects as go

    return go.Figure(layout={"template": TEMPLATE})


def layout(title: str, x: str, y: str, **more: Any) -> dict[str, Any]:
    """Return the layout of one figure with its axis titles."""
    return {
        "title": {"text": title, "font": {"size": 15}},
        "template": TEMPLATE,
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "height": 430,
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "font": {"size": 11}},
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
    } | more


def colour(i: int) -> str:
    """The i-th colour of the palette, cyclic."""
    return PALETTE[i % len(PALETTE)]


INK = {"light": ("#1f2733", "#dfe3e8", "#98a2b0"), "dark": ("#d8dee6", "#343c47", "#6d7887")}
"""Text, grid lines and axis lines by theme."""

_CLEAR = "rgba(0,0,0,0)"
_DARK_AXIS = _AXIS | {"gridcolor": INK["dark"][1], "zerolinecolor": INK["dark"][1], "linecolor": INK["dark"][2]}
DARK: dict[str, Any] = {
    "layout": TEMPLATE["layout"]
    | {
        "colorway": [INK["dark"][0] if shade == "#000000" else shade for shade in PALETTE],
        "font": {"color": INK["dark"][0]},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "modebar": {"bgcolor": _CLEAR, "color": INK["dark"][2], "activecolor": INK["dark"][0]},
        "hoverlabel": {"bgcolor": "#232a33", "font": {"color": INK["dark"][0]}},
        "xaxis": _DARK_AXIS,
        "yaxis": _DARK_AXIS,
    }
}
"""The same look on a dark page's own ground."""


DENSITY = {
    "light": [[0, "rgba(120,140,165,0)"], [1e-6, "rgba(120,140,165,0.25)"], [1, "rgba(60,85,120,0.95)"]],
    "dark": [[0, "rgba(140,165,195,0)"], [1e-6, "rgba(140,165,195,0.3)"], [1, "rgba(225,238,252,0.95)"]],
}
"""Shades of few and many designs by theme."""
DENSITY_MARK = "density"
"""The meta of a trace in these shades."""


def dressed(figure: Any, dark: bool) -> dict[str, Any]:
    """Return a figure as a page of either theme draws it: on the page's own ground, in its ink, without a title.

    Plain data, as plotly.js takes it: what figures check with every change is checked once, when they are made.
    Custom data become lists: as arrays they reach no click.
    """
    text, lines, axis = INK["dark" if dark else "light"]
    told: dict[str, Any] = figure.to_plotly_json()
    for trace in told["data"]:
        if dark and trace.get("meta") == DENSITY_MARK:
            trace["colorscale"] = DENSITY["dark"]
        if "customdata" in trace:
            trace["customdata"] = _listed(trace["customdata"])
        for part in (trace.get("marker", {}), trace.get("line", {})):
            if dark and part.get("color") == "#000000":
                part["color"] = text
    look = {"gridcolor": lines, "zerolinecolor": lines, "linecolor": axis, "tickcolor": axis, "showline": True}
    shown = told["layout"]
    for name in {"xaxis", "yaxis"} | {n for n in shown if re.fullmatch(r"[xy]axis\d*", n)}:
        shown[name] = shown.get(name, {}) | look
    if "scene" in shown:
        in_space = {"gridcolor": lines, "zerolinecolor": lines, "backgroundcolor": "rgba(0,0,0,0)", "color": text}
        shown["scene"] = {n: part | in_space if n[1:] == "axis" else part for n, part in shown["scene"].items()}
    shown.pop("title", None)
    shown.pop("height", None)
    shown |= {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {**shown.get("font", {}), "color": text, "size": 12},
        "margin": {"l": 64, "r": 16, "t": 12, "b": 48},
        "hoverlabel": {"bgcolor": "#232a33" if dark else "#ffffff", "font": {"color": text, "size": 12}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": axis, "activecolor": text},
    }
    return told


def _listed(values: Any) -> Any:
    """Custom data as lists, decoded where plotly packed an array: a packed one never reaches a click."""
    if not isinstance(values, dict):
        return values
    array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return array.reshape([int(n) for n in str(values.get("shape", len(array))).split(",")]).tolist()
