"""Predictions beside measurements: one against the other, how errors spread, and errors by calibration."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.accuracy import Measured
from app.figures.axis import axis
from app.figures.style import PALETTE, colour, layout

MOST = 6000
"""Points drawn of a set of measurements: every n-th row of a larger one."""
SYMBOLS = ("circle", "diamond", "square", "x", "triangle-up", "cross")
"""With each, every colour is used once before the next."""
FEW = 200
"""Up to so many, points are larger."""
LEGEND_LETTERS = 28
BESIDE = {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yanchor": "top", "font": {"size": 11},
          "tracegroupgap": 0}  # fmt: skip
"""A legend beside the plot, which scrolls where its names are many."""
BELOW = 0.25
"""The share of a narrow page's figure that a legend below it has at most: it scrolls."""
LINE, AROUND = 18, 130
"""Height of a calibration's line, and of title and axes, in pixels."""
LIMIT = 0.6
"""Errors beyond it are counted in the outermost bars."""


def predicted_measured(found: Measured, *, narrow: bool = False) -> go.Figure:
    """Draw predicted against measured on log axes, a colour and symbol a group, and the line of equals.

    narrow  the groups' names stand below the plot, not beside it
    """
    figure = go.Figure()
    step = thinning(found)
    size = 6 if len(found.measured) > FEW else 9
    for i, group in enumerate(found.groups):
        rows = np.flatnonzero(found.group == i)[::step]
        x, y = found.measured[rows], found.predicted[rows]
        symbol = SYMBOLS[i // len(PALETTE) % len(SYMBOLS)]
        figure.add_scattergl(
            x=x.tolist(),
            y=y.tolist(),
            mode="markers",
            name=_short(group),
            marker={"size": size, "color": colour(i), "symbol": symbol, "opacity": 0.75},
            text=[f"{error:+.1%}" for error in y / x - 1],
            hovertemplate=f"measured %{{x:.4s}}<br>predicted %{{y:.4s}}<br>error %{{text}}<extra>{group}</extra>",
        )
    ends = [float(found.measured.min()), float(found.measured.max())]
    for factor, dash in ((1.0, "solid"), (1.1, "dot"), (1 / 1.1, "dot")):
        figure.add_scatter(
            x=ends, y=[end * factor for end in ends], mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": "#7a8594", "width": 1, "dash": dash},
        )  # fmt: skip
    figure.update_layout(**layout("Predicted against measured", "", "", **({} if narrow else {"legend": BESIDE})))
    figure.update_layout(legend={"maxheight": BELOW} if narrow else {})
    column = {"s": "latency_s"}.get(found.unit, "lut")
    for update, values, what in (
        (figure.update_xaxes, found.measured, "measured"), (figure.update_yaxes, found.predicted, "predicted"),
    ):  # fmt: skip
        update(**axis(column, values, log=True) | {"title": {"text": f"{what} ({found.unit})"}})
    return figure


def thinning(found: Measured) -> int:
    """Of how many rows of each group one is drawn."""
    return -(-len(found.measured) // MOST)


def _short(name: str) -> str:
    """A name as a legend holds it: its end goes where it is long."""
    return name if len(name) <= LEGEND_LETTERS else f"{name[: LEGEND_LETTERS - 1]}…"


def errors(found: Measured) -> go.Figure:
    """Draw the histogram of relative errors; those beyond LIMIT stand in the outermost bars, of another colour."""
    error = np.clip(found.predicted / found.measured - 1, -LIMIT, LIMIT)
    counts, edges = np.histogram(error, bins=60, range=(-LIMIT, LIMIT))
    middle = (edges[:-1] + edges[1:]) / 2
    told = [f"about {at:+.0%}" for at in middle.tolist()]
    told[0], told[-1] = f"{edges[1]:+.0%} and below", f"{edges[-2]:+.0%} and above"
    figure = go.Figure(
        go.Bar(
            x=middle.tolist(),
            y=(counts / max(len(error), 1)).tolist(),
            customdata=counts.tolist(),
            hovertext=told,
            marker={"color": [colour(1), *[colour(0)] * (len(counts) - 2), colour(1)]},
            hovertemplate="error %{hovertext}<br>%{customdata} rows, %{y:.1%}<extra></extra>",
        )
    )
    across = f"predicted / measured - 1;<br>all beyond \u00b1{LIMIT:.0%} in the end bars"
    figure.update_layout(**layout("Errors", across, "share of rows", bargap=0.05))
    figure.update_xaxes(tickformat="+.0%", range=[-LIMIT, LIMIT])
    figure.update_yaxes(tickformat=".0%")
    figure.add_vline(x=0, line={"color": "#7a8594", "width": 1})
    return figure


def nothing() -> go.Figure:
    """An empty figure, where there is nothing to draw."""
    return go.Figure(layout=layout("", "", ""))


def by_calibration(rows: Sequence[Mapping[str, Any]], *, narrow: bool = False) -> go.Figure:
    """Draw the mean held-out error of each calibration, and the plain roofline's beside it where it is known.

    narrow  names are smaller, the backend in a line of its own
    """
    heads = [" ".join(filter(None, (row["device"], row["kind"]))) for row in rows]
    between = "<br>" if narrow else " "
    names = [between.join(filter(None, (head, row["backend"]))) for head, row in zip(heads, rows, strict=True)]
    figure = go.Figure()
    for i, (column, name, symbol) in enumerate((("mape", "bitfront", "circle"), ("roofline", "roofline", "x-thin"))):
        if all(row[column] is None for row in rows):
            continue
        figure.add_scatter(
            x=[row[column] for row in rows],
            y=names,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 9, "color": colour(i), "line": {"width": 2, "color": colour(i)}},
            hovertemplate="%{y}<br>mean error %{x:.1%}<extra>%{fullData.name}</extra>",
        )
    height = max(AROUND + (2 if narrow else 1) * LINE * len(rows), 430)
    figure.update_layout(
        **layout("Mean error on rows that no fit saw", f"mean absolute{between}relative error", "", height=height)
    )
    found = [row[column] for row in rows for column in ("mape", "roofline") if row[column]]
    ends = [math.log10(min([0.01, *found]) / 1.1), math.log10(max([1.0, *found]) * 1.1)]
    figure.update_xaxes(tickformat="~%", type="log", tickvals=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0], range=ends)
    figure.update_yaxes(autorange="reversed", automargin=True, dtick=1, tickfont={"size": 9 if narrow else 11})
    return figure
