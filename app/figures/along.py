"""A metric of several designs along an axis, with the places where one overtakes another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.figures.axis import axis as axis_of
from app.figures.style import blank, colour, layout
from app.text import label, quantity

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
PLACES = ("top left", "bottom right")
MOST_MARKED = 12
"""Crossovers that are written beside their marks; more would cover each other."""


def along(
    values: Sequence[float], series: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], *, axis: str,
    metric: str, scale: str = "logarithmic", reference: int = 0,
) -> go.Figure:  # fmt: skip
    """Plot series (name, values) at the axis's `values`, a colour and dash each, and mark changes (at, value, ...).

    A series' `band` is its range (at, low, high); a change's `from` and `to` are where on the axis two bands meet.
    scale  "logarithmic", "linear", or "relative": every value as a multiple of the series `reference` there
    """
    figure = blank()
    bases = series[reference]["values"] if scale == "relative" else [1.0] * len(values)
    for i, line in enumerate(series):
        if "band" in line:
            at = np.log(line["band"]["at"])
            _band(figure, line["band"], np.interp(at, np.log(values), bases).tolist(), colour(i))
        told = [f"{axis} {at:,.0f}: {quantity(metric, y)}" for at, y in zip(values, line["values"], strict=True)]
        figure.add_scatter(
            x=list(values), y=[y / base for y, base in zip(line["values"], bases, strict=True)], name=line["name"],
            mode="lines+markers", text=told,
            line={"color": colour(i), "dash": DASHES[i % len(DASHES)], "width": 2},
            marker={"size": 5, "color": colour(i)}, hovertemplate="%{text}<extra>" + line["name"] + "</extra>",
        )  # fmt: skip
    if changes:
        _mark(figure, changes, axis, np.interp(np.log([c["at"] for c in changes]), np.log(values), bases).tolist())
    title = label(metric) if scale != "relative" else f"{label(metric)}, × {series[reference]['name']}"
    y = axis_of(metric, [v for line in series for v in line["values"]], log=scale == "logarithmic")
    shown = {"title": {"text": title}, "tickformat": "~g"} if scale == "relative" else y
    figure.layout = layout("", "", "", xaxis=axis_of(axis.capitalize(), values, log=scale != "linear"), yaxis=shown)
    return figure


def _band(figure: go.Figure, band: Mapping[str, Sequence[float]], bases: Sequence[float], shade: str) -> None:
    """Shade a series' range in its colour."""
    low, high = ([y / base for y, base in zip(band[end], bases, strict=True)] for end in ("low", "high"))
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=[*band["at"], *reversed(band["at"])], y=[*low, *reversed(high)], mode="lines", line={"width": 0},
        fill="toself", fillcolor=f"rgba({red},{green},{blue},0.13)", hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _mark(figure: go.Figure, changes: Sequence[Mapping[str, Any]], axis: str, bases: Sequence[float]) -> None:
    """Circle the crossovers, each told beside its circle, above and below by turns."""
    few = len(changes) <= MOST_MARKED
    bars = [(c, c["value"] / base) for c, base in zip(changes, bases, strict=True) if "from" in c]
    if bars:
        figure.add_scatter(
            x=[x for c, _ in bars for x in (c["from"], c["to"], None)], y=[y for _, y in bars for y in (y, y, None)],
            mode="lines+markers", line={"width": 2, "color": "#000000"}, name="where ranges overlap",
            marker={"symbol": "line-ns-open", "size": 10, "color": "#000000"}, hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=[c["at"] for c in changes], y=[c["value"] / base for c, base in zip(changes, bases, strict=True)],
        customdata=[f"{c['after']} overtakes {c['before']}<br>at {axis} {c['at']:,}{_range(c)}" for c in changes],
        name="crossover", mode="markers+text" if few else "markers", text=[f"{c['at']:,}" for c in changes],
        textposition=[PLACES[i % len(PLACES)] for i in range(len(changes))],
        marker={"size": 13, "symbol": "circle-open", "color": "#000000", "line": {"width": 2}},
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _range(change: Mapping[str, Any]) -> str:
    return f"<br>ranges overlap {change['from']:,} to {change['to']:,}" if "from" in change else ""
