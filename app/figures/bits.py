"""The bits that a plan gives each layer, weights beside activations."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.style import colour, layout


def bits(layers: Sequence[Mapping[str, Any]], *, title: str) -> go.Figure:
    """Plot a bar a layer: `layers` are dicts with "name", "weight_bits" and "activation_bits"."""
    names = [layer["name"] for layer in layers]
    figure = go.Figure()
    for i, operand in enumerate(("weight", "activation")):
        values = [layer[f"{operand}_bits"] for layer in layers]
        figure.add_bar(x=names, y=values, name=f"{operand}s", marker_color=colour(i), text=[f"{v:g}" for v in values])
    figure.update_layout(
        **layout(title, "", "bits per element", barmode="group", legend={"orientation": "h", "y": 1.1, "x": 0.6})
    )
    figure.update_xaxes(tickangle=-40)
    return figure
