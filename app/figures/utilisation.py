"""How much of a device a design takes, and how sure its latency is."""

from collections.abc import Mapping

import plotly.graph_objects as go

from app.figures.style import blank, colour, layout
from app.text import label, quantity

FULL = "#D55E00"
SMALL = 0.01
MARK = {"dash": "dot", "width": 1.5, "color": "#98a2b0"}


def utilisation(taken: Mapping[str, float], available: Mapping[str, float], *, title: str) -> go.Figure:
    """Plot a bar a resource, as a share of what the device has; more than all of it is drawn in another colour."""
    shown = [name for name in available if available[name] > 0 and name in taken]
    shares = [taken[name] / available[name] for name in shown]
    amounts = [f"{quantity(name, taken[name])} of {quantity(name, available[name])}" for name in shown]
    told = [_percent(share) for share in shares]
    names = [f"{label(name)}<br>{amount}" for name, amount in zip(shown, amounts, strict=True)]
    figure = blank()
    figure.add_bar(
        y=names, x=shares, orientation="h", text=told, textposition="outside", textangle=0,
        cliponaxis=False, width=0.5, marker_color=[FULL if s > 1 else colour(0) for s in shares],
        hovertemplate="%{y} %{text}<extra></extra>",
    )  # fmt: skip
    whole = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": MARK}
    axes = {"xaxis": {"tickformat": ".0%", "range": [0, max([1.15, *[s * 1.25 for s in shares]])]}}
    figure.layout = layout(title, "", "", showlegend=False, shapes=[whole], yaxis={"autorange": "reversed"}, **axes)
    return figure


def _percent(share: float) -> str:
    """A share with a digit where it is small: 0.08%."""
    return f"{share:.0%}" if share >= SMALL or not share else f"{100 * share:.1g}%"
