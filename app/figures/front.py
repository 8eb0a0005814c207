"""Designs at two or three metrics: the dominated ones, the front, its hull, references, edits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.figures.axis import axis, hover
from app.figures.names import placed
from app.figures.style import DENSITY, DENSITY_MARK, blank, colour, layout
from app.text import counted

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST_POINTS = 100_000
"""Dominated designs beyond these are a density image: each point of scattergl costs the browser time and memory."""
MOST_SVG = 5_000
"""Points of a front beyond these are drawn as the cloud's: each is an element of the page, and 60,000 freeze it."""
CELLS = (300, 190)
CLOUD = "#8b98a9"
MOST_LABELS = 200
"""References of which each may have its name beside it, where that covers nothing."""
PICKED = "#d62728"
IN_SPACE = {"star": "cross", "circle-open": "circle-open", "diamond": "diamond", "square-open": "square-open"}
"""Symbols that scatter3d has for those of the plane."""
SPACE = {"aspectmode": "cube", "camera": {"eye": {"x": 1.5, "y": 1.5, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.1}}}
"""From where three metrics are seen: far enough that titles of axes are not cut off."""
Span = tuple[float, float]


def front(
    columns: Mapping[str, Floats],
    names: Sequence[str],
    *,
    cloud: Rows,
    fronts: Mapping[str, Rows],
    hulls: Mapping[str, Rows],
    uniform: Mapping[int, str],
    log: Sequence[bool],
    within: tuple[Span, Span] | None = None,
    title: str = "",
    rest: str = "Dominated",
    references: str = "One precision everywhere",
    texts: Sequence[str] = (),
    shared: Mapping[int, int] | None = None,
) -> go.Figure:
    """Plot rows of `columns` at two or three metrics, an axis each, logarithmic where `log` says.

    cloud    rows with values; of many only what is `within`, in data, on the two axes, is seen where that is given
    fronts   {group: rows in order of the first metric}, and of them the `hulls`' rows, which a weighted sum finds
    uniform  {row: name} of references, what they are called together in `references`
    shared   {row of a front: how many designs are at its place}, which is told on hovering where any is not one
    rest     what rows of the cloud are that are on no front; texts, of every row, are told on hovering
    A point's customdata is its row: what a click gives back, once `dressed` has made a list of them. The first two
    traces, empty, are for the selected design and for edited ones, so that a page moves these alone.
    """
    figure = blank()
    at = _Axes(columns, tuple(names), texts)
    for name, symbol in (("Selected", "circle-open"), ("Edited", "star")):
        mark = {"symbol": symbol, "size": 15, "color": PICKED, "line": {"width": 2.5, "color": PICKED}}
        figure.add_trace(at.points([], name=name, mode="markers", zorder=10, showlegend=False, gl=False, marker=mark))
    beaten = _beaten(cloud, fronts, columns, names, within)
    if len(beaten) > MOST_POINTS and len(names) == 2:
        figure.add_trace(_density(rest, columns, names, beaten, log, within))
    elif len(beaten):
        shown = beaten[:: -(-len(beaten) // MOST_POINTS)]
        told = rest if len(shown) == len(beaten) else f"{rest}, {len(shown):,} of {len(beaten):,}"
        mark = {"size": 5 if len(shown) < 2000 else 3, "color": CLOUD, "opacity": 0.55}
        figure.add_trace(at.points(shown, name=told, mode="markers", marker=mark, gl=True))
    _add_fronts(figure, at, fronts, hulls, shared or {})
    spans = within or tuple(_extent(columns[name][cloud]) for name in names)
    _add_uniform(figure, at, uniform, references, spans, fronts, log)
    look: dict[str, Any] = {"hovermode": "closest"}
    look |= {} if title else {"legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}}
    figure.layout = layout(title, "", "", **_axes(columns, names, cloud, log, within), **look)
    return figure


def inside(columns: Mapping[str, Floats], names: Sequence[str], cloud: Rows, within: tuple[Span, Span]) -> Rows:
    """Rows of the cloud that are within spans of the two metrics."""
    kept = np.ones(len(cloud), dtype=bool)
    for name, (low, high) in zip(names, within, strict=True):
        values = columns[name][cloud]
        kept &= (values >= low) & (values <= high)
    return cloud[kept]


class _Axes:
    """Traces of rows at the metrics."""

    def __init__(self, columns: Mapping[str, Floats], names: tuple[str, ...], texts: Sequence[str]) -> None:
        self.columns, self.names, self.texts = columns, names, texts
        self.told = [hover(name, columns[name], letter) for name, letter in zip(names, "xyz", strict=False)]

    def points(self, rows: Any, *, gl: bool, **look: Any) -> Any:
        """A trace, its rows as customdata."""
        at = np.asarray(rows, dtype=np.int64)
        xyz = [np.asarray(self.columns[name][at], dtype=np.float32) for name in self.names]
        names = look.pop("names", [""] * len(at))
        told = [self.texts[row] for row in at] if len(self.texts) else [""] * len(at)
        texts = ["<br>".join(filter(None, pair)) for pair in zip(names, told, strict=True)]
        is_told = bool(len(self.texts)) or any(texts)
        look |= {"hovertext": texts} if is_told else {}
        named = ["%{hovertext}"] * is_told
        shared: dict[str, Any] = {
            "customdata": at,
            "hovertemplate": "<br>".join(named + self.told) + f"<extra>{look['name']}</extra>",
        }
        if len(self.names) == 3:
            look.pop("zorder", None)
            look["marker"] = look["marker"] | {"size": min(look["marker"]["size"], 6)}
            look["marker"]["symbol"] = IN_SPACE.get(look["marker"].get("symbol", ""), "circle")
            return go.Scatter3d(x=xyz[0], y=xyz[1], z=xyz[2], **shared, **look)
        return (go.Scattergl if gl else go.Scatter)(x=xyz[0], y=xyz[1], **shared, **look)


def _beaten(
    cloud: Rows,
    fronts: Mapping[str, Rows],
    columns: Mapping[str, Floats],
    names: Sequence[str],
    within: tuple[Span, Span] | None,
) -> Rows:
    """Rows of the cloud that are on no front; of many those inside the view: of few the browser zooms out itself."""
    alone = np.ones(len(columns[names[0]]), dtype=bool)
    for rows in fronts.values():
        alone[rows] = False
    beaten = cloud[alone[cloud]]
    return inside(columns, names, beaten, within) if within and len(beaten) > MOST_POINTS else beaten


def _density(
    rest: str, columns: Mapping[str, Floats], names: Sequence[str], rows: Rows, log: Sequence[bool], within: Any
) -> go.Heatmap:
    """How many designs are in each cell of the view, by the square root of the count."""
    values = [columns[name][rows] for name in names]
    scaled = [np.log10(v) if is_log else v for v, is_log in zip(values, log, strict=False)]
    if within:
        spans = [tuple(np.log10(span) if is_log else span) for span, is_log in zip(within, log, strict=False)]
    else:
        spans = [(float(s.min()), float(s.max())) for s in scaled]
    cells = [_cells(v, span, count) for v, span, count in zip(scaled, spans, CELLS, strict=True)]
    counts = np.bincount(cells[0] * CELLS[1] + cells[1], minlength=CELLS[0] * CELLS[1]).reshape(CELLS)
    x, y = (low + (high - low) * (np.arange(n) + 0.5) / n for (low, high), n in zip(spans, CELLS, strict=True))
    shade = np.sqrt(counts.T / max(counts.max(), 1))
    return go.Heatmap(
        x=(10**x if log[0] else x).astype(np.float32),
        y=(10**y if log[1] else y).astype(np.float32),
        z=(shade * 255).round().astype(np.uint8),
        zmin=0,
        zmax=255,
        colorscale=DENSITY["light"],
        meta=DENSITY_MARK,
        showscale=False,
        name=f"{rest}, {len(rows):,}",
        hovertemplate="zoom in for single designs<extra></extra>",
        showlegend=True,
    )


def _cells(values: Floats, span: tuple[float, float], count: int) -> NDArray[np.int64]:
    """Which of so many equal cells of the span each value is in."""
    low, high = span
    scaled = (values - low) * (count / max(high - low, 1e-300))
    return np.clip(scaled.astype(np.int64), 0, count - 1)


def _add_fronts(
    figure: go.Figure, at: _Axes, fronts: Mapping[str, Rows], hulls: Mapping[str, Rows], shared: Mapping[int, int]
) -> None:
    flat = len(at.names) == 2
    tied = any(count > 1 for count in shared.values())

    def there(rows: Rows) -> list[str]:
        return [counted(shared.get(row, 1), "design") + " here" if tied else "" for row in rows.tolist()]

    first = next((group for group in fronts if len(hulls[group])), None)
    for i, (group, rows) in enumerate(fronts.items()):
        if not len(rows):
            continue
        name = group if len(fronts) > 1 else "Front"
        line = {"color": colour(i), "width": 1.4, "shape": "hv"} if flat else {"color": colour(i), "width": 2}
        dots = {"size": 5, "color": colour(i)}
        mode = "lines+markers" if flat else "markers"
        many = len(rows) > MOST_SVG
        told = f"{name} ({len(rows):,})"
        figure.add_trace(at.points(rows, name=told, mode=mode, gl=many, line=line, marker=dots, names=there(rows)))
        on_hull = {"size": 8, "symbol": "diamond", "color": colour(i), "line": {"width": 0}}
        look = {"name": "On its hull", "showlegend": group == first, "legendgroup": "hull"}
        on = hulls[group]
        if len(on):
            figure.add_trace(at.points(on, mode="markers", gl=many, marker=on_hull, names=there(on), **look))


def _add_uniform(
    figure: go.Figure,
    at: _Axes,
    uniform: Mapping[int, str],
    references: str,
    spans: Sequence[Span],
    fronts: Mapping[str, Rows],
    log: Sequence[bool],
) -> None:
    if not uniform:
        return
    look = {"symbol": "square-open", "size": 10, "color": "#E69F00", "line": {"width": 2}}
    rows = list(uniform)
    x, y = (at.columns[name] for name in at.names[:2])
    on = np.setdiff1d(np.concatenate([np.zeros(0, np.int64), *fronts.values()]), rows)
    texts, places = placed(
        x[rows], y[rows], list(uniform.values()), within=(spans[0], spans[1]), log=log, others=(x[on], y[on])
    )
    mode = "markers+text" if len(uniform) <= MOST_LABELS and len(at.names) == 2 else "markers"
    figure.add_trace(
        at.points(rows, name=references, mode=mode, gl=False, marker=look, text=texts,
                  names=list(uniform.values()), textposition=places, textfont={"size": 10})
    )  # fmt: skip


def _extent(values: Floats) -> Span:
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def _axes(
    columns: Mapping[str, Floats],
    names: Sequence[str],
    cloud: Rows,
    log: Sequence[bool],
    within: tuple[Span, Span] | None,
) -> dict[str, Any]:
    if within:
        return {
            f"{letter}axis": axis(name, span, log=is_log) | {"range": np.log10(span).tolist() if is_log else [*span]}
            for letter, name, span, is_log in zip("xy", names, within, log, strict=False)
        }
    found = {
        f"{letter}axis": axis(name, columns[name][cloud], log=is_log)
        for letter, name, is_log in zip("xyz", names, log, strict=False)
    }
    return found if len(names) == 2 else {"scene": found | SPACE}
