"""The front that an exploration found: two of its objectives, a colour a group."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.figures.style import colour, layout
from app.text import label

MOST_GROUPS = 12
"""Groups that have a colour of their own; of more, all points have one."""


def explored(
    rows: Sequence[Mapping[str, Any]], *, x: str, y: str, groups: Sequence[str], title: str, log: bool = True
) -> go.Figure:
    """Plot rows at (row[x], row[y]); `groups` are columns whose values name a trace each."""
    by_group: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_group.setdefault(", ".join(str(row[g]) for g in groups), []).append(row)
    if len(by_group) > MOST_GROUPS:
        by_group = {"front": list(rows)}
    figure = go.Figure()
    for i, (name, held) in enumerate(by_group.items()):
        figure.add_scatter(
            x=[row[x] for row in held],
            y=[row[y] for row in held],
            text=[str(row.get("id", "")) for row in held],
            mode="markers",
            name=name or "front",
            marker={"color": colour(i), "size": 6},
            hovertemplate=f"%{{text}}<br>{label(x, unit=True)} %{{x:,.4s}}<br>{label(y, unit=True)} %{{y:,.4s}}",
        )
    positive = {c: log and all(row[c] > 0 for row in rows) for c in (x, y)}
    axes = {
        f"{axis}axis": {"title": {"text": label(c, unit=True)}, "tickformat": "~s"}
        | ({"type": "log"} if positive[c] else {})
        for axis, c in (("x", x), ("y", y))
    }
    figure.update_layout(**layout(title, "", "", showlegend=True, **axes))
    return figure
