"""The bits that a plan gives each layer, weights beside activations."""

import re
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


def bits_map(layers: Sequence[Mapping[str, Any]], *, title: str = "") -> go.Figure:
    """Plot the weight bits of many layers as a map: a column a block, a row for each layer of one.

    `layers` are dicts with "name", "precision" and "weight_bits"; the first number in a name is its block, layers
    without one stand in the first column.
    """
    places = [_place(str(layer["name"])) for layer in layers]
    rows = list(dict.fromkeys(row for row, _ in places))
    columns = sorted({column for _, column in places})
    table: list[list[float | None]] = [[None] * len(columns) for _ in rows]
    text = [[""] * len(columns) for _ in rows]
    for layer, (row, column) in zip(layers, places, strict=True):
        table[rows.index(row)][columns.index(column)] = float(layer["weight_bits"])
        text[rows.index(row)][columns.index(column)] = f"{layer['name']}<br>{layer['precision']}"
    figure = go.Figure(
        go.Heatmap(
            z=table,
            x=columns,
            y=rows,
            text=text,
            colorscale="Viridis",
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "bits"}, "thickness": 12},
            hovertemplate="%{text}<br>%{z:g} bits a weight<extra></extra>",
        )
    )
    figure.update_layout(**layout(title, "block", ""))
    figure.update_yaxes(autorange="reversed", automargin=True)
    return figure


def _place(name: str) -> tuple[str, int]:
    """The row and column of a layer: its name without the block's number, and that number."""
    found = re.search(r"(?:^|\.)(\d+)\.", name)
    if found is None:
        return name.rsplit(".", 1)[-1], 0
    return name[found.end() :], int(found[1])
