"""Designs in the plane of one cost and one quality: references, uniform widths, plans."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.designs import also_called, spoken
from app.figures.style import colour, layout
from app.text import label

MARKERS = {"reference": "star", "uniform": "square", "plan": "diamond"}
NARROW, WIDE = 5.0, 1e3
"""Spans below which an axis is linear, and above which it has one tick a decade."""
SIZES = {"reference": 13, "plan": 14}


def pareto(
    designs: Sequence[Mapping[str, Any]],
    *,
    cost: str,
    quality: str,
    title: str,
    front: Sequence[Sequence[float]] = (),
) -> go.Figure:
    """Plot designs, dicts with "name", "kind", "totals" and the quality, at (totals[cost], quality).

    quality  "error" is 1 - "accuracy", anything else a key of the designs; a value of 0 is drawn at half the least
             positive one and told as it is on hovering
    front    points (cost, quality) of the exact front, drawn as steps
    Designs without the cost or the quality are left out.
    """
    figure = go.Figure()
    shown = [d for d in designs if cost in d["totals"] and ("accuracy" if quality == "error" else quality) in d]
    floor = min((v for d in shown if (v := _value(d, quality)) > 0), default=1.0) / 2
    if front:
        points = {"x": [point[0] for point in front], "y": [max(point[1], floor) for point in front]}
        line = {"shape": "hv", "color": "#bbbbbb", "width": 1.5}
        figure.add_scatter(**points, mode="lines", name="exact front", line=line, hoverinfo="skip")
    kinds = dict.fromkeys((*MARKERS, *(str(d["kind"]) for d in designs)))
    for i, kind in enumerate(kinds):
        if not any(d["kind"] == kind for d in shown):
            continue
        of_kind = sorted((d for d in shown if d["kind"] == kind), key=lambda d: float(d["totals"][cost]))
        values = [_value(d, quality) for d in of_kind]
        figure.add_scatter(
            x=[d["totals"][cost] for d in of_kind],
            y=[max(v, floor) for v in values],
            text=[
                f"{also_called(d, designs)}<br>{label(quality)} {v:.4g}" for d, v in zip(of_kind, values, strict=True)
            ],
            mode="lines+markers" if kind == f"plan at the same {cost}" else "markers",
            name=spoken(kind),
            marker={"symbol": MARKERS.get(kind, "circle"), "size": SIZES.get(kind, 9), "color": colour(i)},
            line={"color": colour(i), "width": 1.5},
            hovertemplate=f"%{{text}}<br>{label(cost, unit=True)} %{{x:,.4s}}<extra></extra>",
        )
    x = _axis(cost, [float(d["totals"][cost]) for d in shown], "~s")
    y = _axis(quality, [max(_value(d, quality), floor) for d in shown], "~%" if quality == "error" else "~g")
    figure.update_layout(**layout(title, "", "", xaxis=x, yaxis=y))
    return figure


def _axis(title: str, values: Sequence[float], tickformat: str) -> dict[str, Any]:
    """A logarithmic axis where the values span enough for its ticks, else a linear one."""
    axis = {"title": {"text": label(title, unit=True)}, "tickformat": tickformat}
    span = max(values, default=1.0) / max(min(values, default=1.0), 1e-300)
    if span < NARROW:
        return axis
    return axis | {"type": "log", "dtick": "D2" if span < WIDE else 1}


def _value(design: Mapping[str, Any], quality: str) -> float:
    return 1.0 - float(design["accuracy"]) if quality == "error" else float(design[quality])
