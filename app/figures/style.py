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
