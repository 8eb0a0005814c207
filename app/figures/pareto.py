"""Designs in the plane of one cost and one quality: uniform widths, plans, and the predicted front."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.style import colour, layout

MARKERS = {"reference": "star", "uniform": "square", "plan": "circle", "front": "line-ns"}


def pareto(designs: Sequence[Mapping[str, Any]], *, cost: str, quality: str, title: str) -> go.Figure:
    """Plot designs, dicts with "name", "kind", "totals" and a "loss" or "accuracy", at (totals[cost], quality)."""
    figure = go.Figure()
    shown = [d for d in designs if d.get(quality) is not None and cost in d["totals"]]
    for i, kind in enumerate(dict.fromkeys(str(d["kind"]) for d in shown)):
        of_kind = sorted((d for d in shown if d["kind"] == kind), key=lambda d: float(d["totals"][cost]))
        figure.add_scatter(
            x=[d["totals"][cost] for d in of_kind],
            y=[d[quality] for d in of_kind],
            text=[d["name"] for d in of_kind],
            mode="lines+markers" if kind in ("plan", "front") else "markers",
            name=kind,
            marker={"symbol": MARKERS.get(kind, "circle"), "size": 10, "color": colour(i)},
            line={"color": colour(i), "width": 1},
            hovertemplate="%{text}<br>%{x:,.4s}<br>%{y:.4g}<extra></extra>",
        )
    axis = {"title": {"text": cost}, "type": "log", "tickformat": "~s"}
    figure.update_layout(**layout(title, cost, quality, xaxis=axis))
    if quality == "accuracy":
        figure.update_yaxes(tickformat=".1%")
    return figure
