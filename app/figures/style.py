"""The look that all figures share."""

from typing import Any

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#000000")
"""Okabe and Ito's colours, told apart with any colour vision: jfly.uni-koeln.de/color, 2008."""

CONFIG: dict[str, Any] = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
"""plotly.js options: without the first, plotly 7 offers to upload the figure."""


def layout(title: str, x: str, y: str, **more: Any) -> dict[str, Any]:
    """Return the layout of one figure with its axis titles."""
    return {
        "title": {"text": title, "font": {"size": 15}},
        "template": "plotly_white",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "height": 430,
        "margin": {"l": 70, "r": 20, "t": 50, "b": 60},
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
    } | more


def colour(i: int) -> str:
    """The i-th colour of the palette, cyclic."""
    return PALETTE[i % len(PALETTE)]


INK = {"light": ("#1f2733", "#dfe3e8", "#98a2b0"), "dark": ("#d8dee6", "#343c47", "#6d7887")}
"""Text, grid lines and axis lines by theme."""


def dressed(figure: Any, dark: bool) -> Any:
    """Return the figure for a page of either theme: on the page's own ground, in its ink, without a title."""
    text, lines, axis = INK["dark" if dark else "light"]
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": text, "size": 12},
        title=None,
        height=None,
        margin={"l": 64, "r": 16, "t": 12, "b": 48},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": axis, "activecolor": text},
        hoverlabel={"bgcolor": "#232a33" if dark else "#ffffff", "font": {"color": text, "size": 12}},
    )
    look = {"gridcolor": lines, "zerolinecolor": lines, "linecolor": axis, "tickcolor": axis, "showline": True}
    if dark:
        figure.for_each_trace(lambda trace: trace.update(marker_color=text), {"marker": {"color": "#000000"}})
    figure.update_xaxes(**look)
    figure.update_yaxes(**look)
    return figure
