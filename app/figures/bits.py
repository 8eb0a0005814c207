"""The bits that a plan gives each layer: bars of a few layers, a map of many."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from app.figures.style import WIDE, blank, colour, layout

Layer = Mapping[str, Any]

MOST_BARS = 24
"""Layers whose bits are bars; names of more cannot be read beneath them."""
MOST_LETTERS = 130
"""Letters across up to which bits are written in their cells."""
NARROW = 14
"""Blocks across for which half of a page is wide enough."""
LINE, AROUND = 24, 150
"""Height of a map's row, and of its title and axes, in pixels."""
SCALE = "Viridis"
BAR_MARGIN = {"l": 70, "r": 20, "t": 74, "b": 60}
"""Around bars, in pixels: the title and the toolbar share a line, the legend has its own below them."""


def bits(layers: Sequence[Layer], *, title: str) -> Any:
    """Plot the bits of each layer: dicts with "name", "precision", "weight_bits" and "activation_bits"."""
    return (_bars if len(layers) <= MOST_BARS else _map)(layers, title)


def _bars(layers: Sequence[Layer], title: str) -> Any:
    """A bar an operand and layer."""
    names = [layer["name"] for layer in layers]
    figure = blank()
    for i, operand in enumerate(("weight", "activation")):
        values = [layer[f"{operand}_bits"] for layer in layers]
        figure.add_bar(x=names, y=values, name=f"{operand}s", marker_color=colour(i), text=[f"{v:g}" for v in values])
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    axes = {"xaxis": {"tickangle": -40}, "yaxis": {"title": {"text": "bits per element"}}}
    figure.layout = layout(title, "", "", barmode="group", legend=legend, margin=BAR_MARGIN, **axes)
    figure.layout.title.update(y=1, yanchor="top", pad={"t": 16})
    return figure


def _map(layers: Sequence[Layer], title: str) -> Any:
    """A cell a layer: a column a block, a row for each layer of one; the colour is the weights' bits."""
    places = blocks([str(layer["name"]) for layer in layers])
    columns, rows = (list(dict.fromkeys(part)) for part in zip(*places, strict=True))
    widths = sorted({float(layer["weight_bits"]) for layer in layers})
    inputs = {float(layer["activation_bits"]) for layer in layers}
    cells: dict[str, list[list[Any]]] = {
        part: [[empty] * len(columns) for _ in rows] for part, empty in (("z", None), ("text", ""), ("told", ""))
    }
    for layer, (column, row) in zip(layers, places, strict=True):
        weight, at = float(layer["weight_bits"]), (rows.index(row), columns.index(column))
        written = f"{weight:.2g}" if len(inputs) == 1 else f"{weight:.2g}/{layer['activation_bits']:.2g}"
        told = f"{layer['name']}<br>{layer['precision']}<br>{weight:g} bits a weight"
        for part, value in (("z", widths.index(weight)), ("text", written), ("told", told)):
            cells[part][at[0]][at[1]] = value
    longest = max(len(text) for row in cells["text"] for text in row)
    figure = blank()
    figure.add_heatmap(
        z=cells["z"], x=_shortened(columns), y=rows, text=cells["text"], customdata=cells["told"], xgap=1, ygap=1,
        texttemplate="%{text}" if longest * len(columns) <= MOST_LETTERS else "", textfont={"size": 10},
        hovertemplate="%{customdata}<extra></extra>", **_steps(widths),
    )  # fmt: skip
    one = f", activations of {next(iter(inputs)):g} everywhere" if len(inputs) == 1 else "/activations"
    axes = {
        "xaxis": {"title": {"text": f"bits of weights{one}, by block"}, "type": "category", "showgrid": False},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
    }
    wide = WIDE if len(columns) > NARROW else {}
    figure.layout = layout(title, "", "", height=max(AROUND + LINE * len(rows), 260), **axes, **wide)
    return figure


def blocks(names: Sequence[str]) -> list[tuple[str, str]]:
    """Split each dotted name into a block and what of it: at the depth with the fewest of both."""
    parts = [name.split(".") for name in names]
    splits = [
        [(".".join(p[:depth]), ".".join(p[depth:])) for p in parts] for depth in range(1, max(map(len, parts)) + 1)
    ]
    return min(splits, key=lambda split: len({column for column, _ in split}) + len({row for _, row in split}))


def _shortened(columns: Sequence[str]) -> list[str]:
    """Blocks without what the names of most begin with: model.layers.3 is 3."""
    numbered = [column.split(".") for column in columns if column[-1:].isdigit()]
    alike = takewhile(lambda parts: len(set(parts)) == 1, zip(*numbered, strict=False)) if len(numbered) > 1 else ()
    shared = "".join(f"{parts[0]}." for parts in alike)
    short = [column.removeprefix(shared) or column for column in columns]
    return short if len(set(short)) == len(columns) else list(columns)


def _steps(values: Sequence[float]) -> dict[str, Any]:
    """A colour for each of the values, whose positions the cells hold."""
    from plotly.colors import sample_colorscale

    count = len(values)
    shades = sample_colorscale(SCALE, [0.15 + 0.85 * i / max(count - 1, 1) for i in range(count)])
    scale = [[(i + end) / count, shades[i]] for i in range(count) for end in (0, 1)]
    bar = {"title": {"text": "bits"}, "thickness": 12, "tickvals": list(range(count))}
    return {
        "zmin": -0.5, "zmax": count - 0.5, "colorscale": scale,
        "colorbar": bar | {"ticktext": [f"{value:g}" for value in values]},
    }  # fmt: skip
