"""What takes a design's time, energy and memory: a bar each, cut by kind of layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.style import blank, colour, layout
from app.text import label, quantity

PARTS = ("latency_s", "busy_s", "energy_j", "bytes_moved", "weight_bytes", "lut", "dsp", "bram18")

LEAST = 1e-3
"""Share below which a kind of layer is not to be seen in a bar, and is left out where that holds in all."""


def breakdown(layers: Sequence[Mapping[str, Any]], *, title: str) -> go.Figure:
    """Plot the share of each kind of layer in each of PARTS that the layers, dicts, have."""
    parts = [p for p in PARTS if sum(layer.get(p) or 0.0 for layer in layers) > 0]
    wholes = {p: sum(layer.get(p) or 0.0 for layer in layers) for p in parts}
    kinds = list(dict.fromkeys(str(layer["kind"]) for layer in layers))
    totals = {k: [sum(row.get(p) or 0.0 for row in layers if row["kind"] == k) for p in parts] for k in kinds}
    kinds = [k for k in kinds if any(totals[k][i] > LEAST * wholes[p] for i, p in enumerate(parts))]
    ranked = sorted(kinds, key=lambda k: -max(totals[k][i] / wholes[p] for i, p in enumerate(parts))) if parts else []
    figure = blank()
    names = [f"{label(p)}<br>{quantity(p, wholes[p])}" for p in parts]
    for i, kind in enumerate(ranked):
        shares = [v / wholes[p] for v, p in zip(totals[kind], parts, strict=True)]
        told = [quantity(p, v) for v, p in zip(totals[kind], parts, strict=True)]
        figure.add_bar(
            y=names, x=shares, name=kind, orientation="h", marker_color=colour(i), text=told, textposition="none",
            hovertemplate="%{text} (%{x:.1%})<extra>" + kind + "</extra>",
        )  # fmt: skip
    axes = {"xaxis": {"tickformat": ".0%", "range": [0, 1]}, "yaxis": {"autorange": "reversed", "automargin": True}}
    figure.layout = layout(title, "", "", barmode="stack", bargap=0.35, **axes)
    return figure
