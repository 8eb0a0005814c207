"""Networks of which something was left out: right answers against the share of products, a colour a method."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.style import colour, layout

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


def cut(rows: Sequence[Mapping[str, Any]], *, network: str, title: str) -> go.Figure:
    """Plot accuracy against macs of one network's rows (method, setting, macs, accuracy, seed), a mark a seed.

    A line a method joins its settings' means over seeds; the whole network is a star.
    """
    figure = go.Figure()
    own = [row for row in rows if row["network"] == network]
    methods = [method for method in dict.fromkeys(row["method"] for row in own) if method != "whole"]
    for i, method in enumerate(methods):
        of_method = [row for row in own if row["method"] == method]
        means = sorted(_mean(of_method, setting) for setting in dict.fromkeys(row["setting"] for row in of_method))
        means = means if means[0][0] < means[-1][0] else []
        figure.add_scatter(
            x=[x for x, _ in means],
            y=[y for _, y in means],
            mode="lines",
            line={"color": colour(i), "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=[row["macs"] for row in of_method],
            y=[row["accuracy"] for row in of_method],
            text=[f"{method}, {row['setting']}, seed {row['seed']}" for row in of_method],
            name=method,
            mode="markers",
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8, "color": colour(i), "opacity": 0.75},
            hovertemplate="%{text}<br>%{y:.2%} right at %{x:.0%} of the products<extra></extra>",
        )
    whole = [row for row in own if row["method"] == "whole"]
    figure.add_scatter(x=[row["macs"] for row in whole], y=[row["accuracy"] for row in whole], name="whole",
                       mode="markers", marker={"symbol": "star", "size": 12, "color": "#000000"})  # fmt: skip
    figure.update_layout(**layout(title, "Products, of the whole network's", "Right answers"))
    figure.update_xaxes(tickformat=".0%", range=[0, 1.1])
    figure.update_yaxes(tickformat=".0%")
    return figure


def _mean(rows: Sequence[Mapping[str, Any]], setting: str) -> tuple[float, float]:
    same = [row for row in rows if row["setting"] == setting]
    return sum(row["macs"] for row in same) / len(same), sum(row["accuracy"] for row in same) / len(same)
