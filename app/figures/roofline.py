"""The roofline of a device with one dot a layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.figures.style import blank, colour, layout

DASHES = ("solid", "dash", "dot", "dashdot")
"""One a pipe, so that none of equal peaks hides another."""


def roofline(
    layers: Sequence[Mapping[str, Any]], *, peaks: Mapping[str, float], memory_bytes_per_s: float, title: str
) -> go.Figure:
    """Plot FLOP/s over FLOP/byte: a roof for each pipe in `peaks`, a dot for each layer.

    `layers` are dicts with "name", "precision", "flops", "bytes_moved" and "latency_s"; those of 0 FLOPs are left out.
    """
    counted = [layer for layer in layers if layer["flops"] > 0]
    intensity = [layer["flops"] / layer["bytes_moved"] for layer in counted]
    ridges = [peak / memory_bytes_per_s for peak in peaks.values()]
    span = np.geomspace(min([*intensity, *ridges]) / 3, max([*intensity, *ridges]) * 3, 200)
    figure = blank()
    for i, (pipe, peak) in enumerate(peaks.items()):
        roof = np.minimum(peak, span * memory_bytes_per_s)
        figure.add_scatter(
            x=span.tolist(), y=roof.tolist(), mode="lines", name=f"{pipe} roof",
            line={"color": colour(i), "dash": DASHES[i % len(DASHES)]},
        )  # fmt: skip
    figure.add_scatter(
        x=intensity,
        y=[layer["flops"] / layer["latency_s"] for layer in counted],
        text=[f"{layer['name']} ({layer['precision']})" for layer in counted],
        mode="markers",
        name="layers",
        marker={"size": 9, "color": colour(4), "symbol": "circle-open", "line": {"width": 2}},
        hovertemplate="%{text}<br>%{x:.3s} FLOP/B<br>%{y:.3s} FLOP/s<extra></extra>",
    )
    axes = {
        "xaxis": {"title": {"text": "FLOP per byte moved"}, "type": "log", "tickformat": "~s", "dtick": 1},
        "yaxis": {"title": {"text": "FLOP/s"}, "type": "log", "tickformat": "~s", "dtick": 1},
    }
    figure.layout = layout(title, "", "", **axes)
    return figure
