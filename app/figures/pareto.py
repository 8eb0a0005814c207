"""Designs in the plane of one cost and one quality: references, uniform widths, plans."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.designs import also_called, spoken
from app.figures.axis import axis, hover
from app.figures.names import placed
from app.figures.style import blank, colour, layout
from app.text import label

MARKERS = {"reference": "star", "uniform": "square", "plan": "diamond"}
SIZES = {"reference": 13, "plan": 14}
NAMED = ("reference", "uniform")


def pareto(
    designs: Sequence[Mapping[str, Any]],
    *,
    cost: str,
    quality: str,
    title: str,
    front: Sequence[Sequence[float]] = (),
    points: Mapping[str, int] | None = None,
) -> Any:
    """Plot designs, dicts with "name", "kind", "totals" and the quality, at (totals[cost], quality).

    quality  "error" is 1 - "accuracy", anything else a key of the designs; a value of 0 is drawn at half the least
             positive one and told so in the legend and on hovering
    front    points (cost, quality) of the exact front, drawn as steps
    points   how many of the front's points those are: {"kept", "of"}; None: all
    Designs without the cost or the quality are left out.
    """
    figure = blank()
    shown = [d for d in designs if cost in d["totals"] and ("accuracy" if quality == "error" else quality) in d]
    least = [*(_value(d, quality) for d in shown), *(point[1] for point in front)]
    floor = min((v for v in least if v > 0), default=1.0) / 2
    costs = [float(d["totals"][cost]) for d in shown]
    values = [max(_value(d, quality), floor) for d in shown]
    if front:
        at = {"x": [point[0] for point in front], "y": [max(point[1], floor) for point in front]}
        line = {"shape": "hv", "color": "#bbbbbb", "width": 1.5}
        some = points or {"kept": 0, "of": 0}
        name = "exact front" + f", {some['kept']} of {some['of']} points" * (some["kept"] < some["of"])
        figure.add_scatter(**at, mode="lines", name=name, line=line, hoverinfo="skip")
    names = _names(shown, costs, values, [(at, max(value, floor)) for at, value in front])
    kinds = dict.fromkeys((*MARKERS, *(str(d["kind"]) for d in designs)))
    for i, kind in enumerate(kinds):
        of_kind = sorted((k for k, d in enumerate(shown) if d["kind"] == kind), key=lambda k: costs[k])
        if not of_kind:
            continue
        zero = ", 0 at the axis' end" * any(_value(shown[k], quality) <= 0 for k in of_kind)
        figure.add_scatter(
            x=[costs[k] for k in of_kind], y=[values[k] for k in of_kind],
            hovertext=[f"{also_called(shown[k], designs)}<br>{_told(shown[k], quality)}" for k in of_kind],
            text=[names[k][0] for k in of_kind],
            textposition=[names[k][1] for k in of_kind], textfont={"size": 10}, cliponaxis=False,
            mode="text+lines+markers" if kind == f"plan at the same {cost}" else "text+markers",
            name=spoken(kind) + zero,
            marker={"symbol": MARKERS.get(kind, "circle"), "size": SIZES.get(kind, 9), "color": colour(i)},
            line={"color": colour(i), "width": 1.5},
            hovertemplate=f"%{{hovertext}}<br>{hover(cost, costs, 'x')}<extra></extra>",
        )  # fmt: skip
    y = axis(quality, values, log=True) | ({"tickformat": "~%"} if quality == "error" else {})
    figure.update_layout(**layout(title, "", "", xaxis=axis(cost, costs, log=True), yaxis=y))
    return figure


def _names(
    shown: Sequence[Mapping[str, Any]], costs: Sequence[float], values: Sequence[float], front: Sequence[Any]
) -> list[Any]:
    """A name and its place for each design, off the front: of references and uniform widths, which no line tells
    apart."""
    if not shown:
        return []
    told = [spoken(str(d["name"])) if d["kind"] in NAMED else "" for d in shown]
    within = ((min(costs), max(costs)), (min(values), max(values)))
    line = [point[0] for point in front], [point[1] for point in front]
    return list(zip(*placed(costs, values, told, within=within, log=(True, True), others=line), strict=True))


def _told(design: Mapping[str, Any], quality: str) -> str:
    """What a design's quality is, and where it is drawn if that is not there."""
    value = _value(design, quality)
    return f"{label(quality)} {value:.4g}" + ", drawn at the axis' end" * (value <= 0)


def _value(design: Mapping[str, Any], quality: str) -> float:
    return 1.0 - float(design["accuracy"]) if quality == "error" else float(design[quality])
