"""Pairs of formats by what they cost and how often the network errs, a colour a family."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.axis import axis
from app.figures.style import colour, layout

FAMILIES = ("integer", "minifloat", "mixed")
SYMBOLS = ("square", "diamond", "circle")


def study(
    rows: Sequence[Mapping[str, Any]], *, cost: str, title: str, x: str, base: float, quality: str = "accuracy"
) -> go.Figure:
    """Plot 1 - accuracy of rows (pair, family, accuracy, spread, and the cost) against the cost, both logarithmic.

    A line a family joins what no other pair of the family beats; `base` is the accuracy of the network itself, and
    `quality` what it is called where it is another measure.
    """
    figure = go.Figure()
    floor = min((1 - r["accuracy"] for r in rows if r["accuracy"] < 1), default=0.01) / 2
    for i, family in enumerate(FAMILIES):
        own = sorted((r for r in rows if r["family"] == family), key=lambda r: float(r[cost]))
        if not own:
            continue
        figure.add_scatter(
            x=[r[cost] for r in own],
            y=[max(1 - r["accuracy"], floor) for r in own],
            text=[
                f"{r['pair']}<br>{quality} {r['accuracy']:.2%}" + (f" +- {spread(r)}" if spread(r) else "") for r in own
            ],
            mode="markers",
            name=family,
            marker={"symbol": SYMBOLS[i], "size": 7, "color": colour(i), "opacity": 0.7},
            hovertemplate="%{text}<br>%{x:,.4g}<extra></extra>",
        )
        best = _front(own, cost)
        figure.add_scatter(
            x=[r[cost] for r in best],
            y=[max(1 - r["accuracy"], floor) for r in best],
            mode="lines",
            line={"shape": "hv", "color": colour(i), "width": 1.5},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_hline(y=max(1 - base, floor), line_dash="dot")
    told = {"text": "fp32", "showarrow": False, "xanchor": "right", "yanchor": "bottom"}
    figure.add_annotation(x=1, xref="paper", y=math.log10(max(1 - base, floor)), **told)
    errors = [max(1 - r["accuracy"], floor) for r in rows]
    axes = {
        "xaxis": axis(cost, [r[cost] for r in rows], log=True) | {"title": {"text": x}},
        "yaxis": axis("error", errors, log=True) | {"tickformat": "~%"} | _titled(quality),
    }
    figure.update_layout(**layout(title, "", "", **axes))
    return figure


def spread(row: Mapping[str, Any]) -> str:
    """The standard deviation of a row over the seeds, "" of one seed."""
    return "" if math.isnan(row["spread"]) else f"{row['spread']:.2%}"


def _titled(quality: str) -> dict[str, Any]:
    """The title of what is missing to 1; `axis` has that of errors."""
    return {} if quality == "accuracy" else {"title": {"text": f"1 - {quality}"}}


def _front(rows: Sequence[Mapping[str, Any]], cost: str) -> list[Mapping[str, Any]]:
    """The rows, cheapest first, each more accurate than every cheaper one."""
    kept: list[Mapping[str, Any]] = []
    for row in sorted(rows, key=lambda r: (float(r[cost]), -float(r["accuracy"]))):
        if not kept or row["accuracy"] > kept[-1]["accuracy"]:
            kept.append(row)
    return kept
