"""The bits that a plan gives each layer: bars of a few layers, a map of many."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from app.figures.style import WIDE, blank, colour, layout

Layer = Mapping[str, Any]

MOST_BARS = 24
"""Layers whose bits are bars; names of more cannot be read beneath them."""
MOST_LETTERS = {True: 130, False: 60}
"""Letters across up to which bits are written in their cells, in a figure as wide as a page and in half of one."""
NARROW = 14
"""Blocks across for which half of a page is wide enough."""
WIDTHS = {True: 1080, False: 430}
"""Pixels across that a legend has, at least, in a figure as wide as a page and in half of one."""
LINE, BELOW = 24, 100
"""Height of a map's row, and of its axis, in pixels."""
TITLE, ENTRY, LETTER, MARK = 42, 20, 6.6, 48
"""Pixels of a map's title and of a line of its legend in height, of a legend's letter and mark in width."""
SCALE = "Viridis"
ALONE = "(no block)"
"""The row of layers that are in no block, as embeddings and heads are."""
BAR_MARGIN = {"l": 70, "r": 20, "t": 74, "b": 60}
"""Around bars, in pixels: the title and the toolbar share a line, the legend has its own below them."""

ABOVE: dict[str, Any] = {"y": 1, "yanchor": "top", "pad": {"t": 16}}
"""Where a title stands, above the legend."""


def bits(layers: Sequence[Layer], *, title: str, narrow: bool = False, half: bool = False) -> Any:
    """Plot the bits of each layer: dicts with "name", "precision", "weight_bits" and "activation_bits".

    narrow  a map's legend has a line a precision, so that none is out of a narrow page
    half    it stands in half of a page, whatever it would need; otherwise its layout says whether it does
    """
    return _bars(layers, title) if len(layers) <= MOST_BARS else _map(layers, title, narrow, half)


def _bars(layers: Sequence[Layer], title: str) -> Any:
    """A bar an operand and layer."""
    names = [layer["name"] for layer in layers]
    figure = blank()
    for i, operand in enumerate(("weight", "activation")):
        values = [layer[f"{operand}_bits"] for layer in layers]
        figure.add_bar(
            x=names, y=values, name=f"{operand}s", marker_color=colour(i), text=[f"{v:g}" for v in values],
            hovertext=[layer["precision"] for layer in layers],
            hovertemplate="%{x}<br>%{hovertext}<br>%{y:g} bits<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    axes = {"xaxis": {"tickangle": -40}, "yaxis": {"title": {"text": "bits per element"}}}
    figure.layout = layout(title, "", "", barmode="group", legend=legend, margin=BAR_MARGIN, **axes)
    figure.layout.title.update(**ABOVE)
    return figure


def _map(layers: Sequence[Layer], title: str, narrow: bool, half: bool) -> Any:
    """A cell a layer: a column a block, a row for each layer of one; a colour a precision, dark for few bits."""
    places = blocks([str(layer["name"]) for layer in layers])
    columns, rows = (list(dict.fromkeys(part)) for part in zip(*places, strict=True))
    held = {str(layer["precision"]): (layer["weight_bits"], layer["activation_bits"]) for layer in layers}
    formats = sorted(held, key=lambda name: (held[name], name))
    cells: dict[str, list[list[Any]]] = {
        part: [[empty] * len(columns) for _ in rows] for part, empty in (("z", None), ("text", ""), ("told", ""))
    }
    for layer, (column, row) in zip(layers, places, strict=True):
        weight, at = float(layer["weight_bits"]), (rows.index(row), columns.index(column))
        written = f"{weight:.2g}/{layer['activation_bits']:.2g}"
        told = f"{layer['name']}<br>{layer['precision']}<br>{weight:g} bits a weight"
        for part, value in (("z", formats.index(str(layer["precision"]))), ("text", written), ("told", told)):
            cells[part][at[0]][at[1]] = value
    letters = max(len(text) for row in cells["text"] for text in row) * len(columns)
    is_wide = not half and (len(columns) > NARROW or MOST_LETTERS[False] < letters <= MOST_LETTERS[True])
    is_written = letters <= MOST_LETTERS[is_wide]
    shades, figure = _shades(len(formats)), blank()
    figure.add_heatmap(
        z=cells["z"], x=_shortened(columns), y=_last(rows), text=cells["text"], customdata=cells["told"], xgap=1,
        ygap=1, texttemplate="%{text}" if is_written else "", textfont={"size": 10}, zmin=-0.5, zmax=len(formats) - 0.5,
        colorscale=[[(i + end) / len(formats), shade] for i, shade in enumerate(shades) for end in (0, 1)],
        showscale=False, hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    names = [f"{_short(f)} ({sum(str(layer['precision']) == f for layer in layers)})" for f in formats]
    for name, shade in zip(names, shades, strict=True):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=name, hoverinfo="skip",
            marker={"symbol": "square", "size": 11, "color": shade},
        )  # fmt: skip
    axes = {
        "xaxis": {"title": {"text": "block" + "; bits of weights/activations" * is_written}, "type": "category",
                  "showgrid": False},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
    }  # fmt: skip
    look = _around(names, len(rows), 1 if narrow else WIDTHS[is_wide]) | (WIDE if is_wide else {})
    figure.layout = layout(title, "", "", **axes, **look)
    figure.layout.title.update(**ABOVE)
    return figure


def _around(names: Sequence[str], rows: int, width: int) -> dict[str, Any]:
    """The legend of a map, whose entries have a place each over so many pixels, the room above it, and the height."""
    across = max(1, int(width / (LETTER * max(map(len, names)) + MARK)))
    top = TITLE + ENTRY * -(-len(names) // across)
    side = "h" if across > 1 else "v"
    legend = {"orientation": side, "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    return {"legend": legend, "margin": BAR_MARGIN | {"t": top}, "height": max(top + BELOW + LINE * rows, 260)}


def _short(name: str) -> str:
    """A precision's name, said once where weights and activations are alike."""
    weight, _, activation = name.partition("/")
    return weight if weight == activation else name


def _last(rows: Sequence[str]) -> list[str]:
    """What of a block each row is by the last part of its name, if that tells them apart; layers that are none's."""
    short = [row.rpartition(".")[2] for row in rows]
    return [name or ALONE for name in (short if len(set(short)) == len(rows) else rows)]


def blocks(names: Sequence[str]) -> list[tuple[str, str]]:
    """Split each dotted name into a block and what of it: at the depth with the fewest of both."""
    parts = [name.split(".") for name in names]
    splits = [
        [(".".join(p[:depth]), ".".join(p[depth:])) for p in parts] for depth in range(1, max(map(len, parts)) + 1)
    ]
    return min(splits, key=lambda split: len({column for column, _ in split}) + len({row for _, row in split}))


def _shortened(columns: Sequence[str]) -> list[str]:
    """Blocks without what the names of most begin with, and those of no number by their last part: 3, embed_tokens."""
    numbered = [column.split(".") for column in columns if column[-1:].isdigit()]
    alike = takewhile(lambda parts: len(set(parts)) == 1, zip(*numbered, strict=False)) if len(numbered) > 1 else ()
    shared = "".join(f"{parts[0]}." for parts in alike)
    short = [column.removeprefix(shared) or column for column in columns]
    short = [name if name[-1:].isdigit() else name.rpartition(".")[2] for name in short]
    return short if len(set(short)) == len(columns) else list(columns)


def _shades(count: int) -> list[str]:
    """So many colours, each as far from the next."""
    from plotly.colors import sample_colorscale

    found: list[str] = sample_colorscale(SCALE, [0.15 + 0.85 * i / max(count - 1, 1) for i in range(count)])
    return found
