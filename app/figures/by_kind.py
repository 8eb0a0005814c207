"""Designs side by side: a bar each, of its layers summed by kind."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.figures.axis import axis
from app.figures.style import blank, colour, layout
from app.text import quantity


def by_kind(designs: Sequence[tuple[str, Mapping[str, float]]], *, metric: str) -> go.Figure:
    """Plot (name, {kind: sum}) as stacked bars in the metric's unit, the largest kind first."""
    most: dict[str, float] = {}
    for _, sums in designs:
        for kind, value in sums.items():
            most[kind] = max(most.get(kind, 0.0), value)
    figure = blank()
    for i, kind in enumerate(sorted((k for k in most if most[k] > 0), key=lambda k: -most[k])):
        found = [sums.get(kind, 0.0) for _, sums in designs]
        told = [quantity(metric, value) for value in found]
        figure.add_bar(
            y=[name for name, _ in designs], x=found, name=kind, orientation="h", marker_color=colour(i), text=told,
            textposition="none", hovertemplate="%{y}: %{text}<extra>" + kind + "</extra>",
        )  # fmt: skip
    axes = {
        "xaxis": axis(metric, [sum(sums.values()) for _, sums in designs]) | {"rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "automargin": True},
    }
    figure.layout = layout("", "", "", barmode="stack", bargap=0.4, **axes)
    return figure
