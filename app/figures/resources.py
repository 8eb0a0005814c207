"""What each layer takes of an FPGA."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.style import WIDE, blank, colour, layout
from app.text import label

MOST_NARROW, MOST_WIDE = 24, 80
"""Layers whose names can be read beneath bars in half of a page, and in the whole of it."""
LETTERS = 20


def resources(
    layers: Sequence[Mapping[str, Any]], *, available: Mapping[str, float], title: str, most_names: int = MOST_WIDE
) -> go.Figure:
    """Plot a panel a resource in `available` (lut, dsp, bram18, ...), bars as a fraction of the device's amount.

    Of more than `most_names` layers every n-th has its name beneath; hovering tells any.
    """
    names = [layer["name"] for layer in layers]
    figure = make_subplots(rows=len(available), cols=1, shared_xaxes=True, vertical_spacing=0.06, figure=blank())
    for i, (resource, amount) in enumerate(available.items()):
        taken = [layer[resource] / amount for layer in layers]
        figure.add_bar(x=names, y=taken, name=label(resource), marker_color=colour(i), row=i + 1, col=1)
        figure.update_yaxes(title_text=label(resource), tickformat="~%", nticks=4, row=i + 1, col=1)
    height, wide = 150 + 100 * len(available), WIDE if len(layers) > MOST_NARROW else {}
    figure.update_layout(**layout(title, "", "", showlegend=False, height=max(height, 430), **wide))
    figure.update_yaxes(title_text=label(next(iter(available))), row=1, col=1)
    told = names[:: -(-len(names) // most_names) or 1]
    short = [name if len(name) <= LETTERS else f"…{name[1 - LETTERS :]}" for name in told]
    beneath = {"tickangle": -90, "tickfont": {"size": 9}, "tickvals": told, "ticktext": short}
    figure.update_xaxes(**beneath, row=len(available), col=1)
    return figure
