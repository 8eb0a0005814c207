"""What each layer takes of an FPGA."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.style import WIDE, blank, colour, layout
from app.text import label

MOST_NARROW = 24
"""Layers whose names can be read beneath bars in half of a page."""


def resources(layers: Sequence[Mapping[str, Any]], *, available: Mapping[str, float], title: str) -> go.Figure:
    """Plot a panel a resource in `available` (lut, dsp, bram18, ...), bars as a fraction of the device's amount."""
    names = [layer["name"] for layer in layers]
    figure = make_subplots(rows=len(available), cols=1, shared_xaxes=True, vertical_spacing=0.06, figure=blank())
    for i, (resource, amount) in enumerate(available.items()):
        taken = [layer[resource] / amount for layer in layers]
        figure.add_bar(x=names, y=taken, name=label(resource), marker_color=colour(i), row=i + 1, col=1)
        figure.update_yaxes(title_text=label(resource), tickformat="~%", nticks=4, row=i + 1, col=1)
    height, wide = 150 + 100 * len(available), WIDE if len(layers) > MOST_NARROW else {}
    figure.update_layout(**layout(title, "", "", showlegend=False, height=max(height, 430), **wide))
    figure.update_yaxes(title_text=label(next(iter(available))), row=1, col=1)
    figure.update_xaxes(tickangle=-40, row=len(available), col=1)
    return figure
