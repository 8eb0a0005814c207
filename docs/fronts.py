"""Draw the front of every space in examples/: docs/fronts/NAME.webp, shown in docs/strategies.md.

python docs/fronts.py             # all, some minutes; needs Chromium for the pictures
python docs/fronts.py NAME ...    # those alone, after editing them or adding one; the page is written anew anyway
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plotly.colors import sample_colorscale
from plotly.offline import get_plotlyjs

from app.figures.axis import LARGE, axis
from app.figures.style import CONFIG, PALETTE, blank, layout
from app.report.pdf import chromium
from app.text import quantity
from costmodel import hardware
from dse import Space, store
from dse.sweep import sweep

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "fronts"
WIDTH, HEIGHT, SCALE = 860, 360, 1.5
COLOURED = ("strategy", "model", "precision")
"""Axes of which the first that varies on a front has the colours."""
MOST_NAMED, MOST_LETTERS = 16, 52
SYMBOLS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "cross": "✚", "x": "✖"}
NONE = "#999999"
CROWDED = 300
WIDE = 5.0
"""The span from which on an axis is logarithmic."""

Row = Mapping[str, Any]


def spaces() -> dict[str, Path]:
    """The spaces in examples/ whose devices are known here, by name: no study, nothing of a device of one's own."""
    return {path.stem: path for path in sorted((ROOT / "examples").glob("*.toml")) if _is_space(path)}


def _is_space(path: Path) -> bool:
    axes = tomllib.loads(path.read_text()).get("axes", {})
    devices = axes.get("device", [])
    known = {name for kind in ("gpu", "fpga", "cpu") for name in hardware.names(kind)}
    return bool(axes) and set([devices] if isinstance(devices, str) else devices) <= known


def front(path: Path, folder: Path) -> Any:
    """The front of a space on its first device: a colour a strategy, model or precision, a symbol a group of others."""
    space = Space.load(path)
    sweep(space, folder / path.stem)
    rows = store.query(folder / path.stem, "select * from front").to_pylist()
    x, y = (objective.name for objective in space.objectives[:2])
    rows = [row for row in rows if row["device"] == rows[0]["device"]]
    by = next((name for name in COLOURED if len({row.get(name) for row in rows}) > 1), "device")
    grouped = next((g for g in space.groups if g not in ("device", by) and len({row.get(g) for row in rows}) > 1), "")
    marks = dict(zip(sorted({row[grouped] for row in rows}) if grouped else (), SYMBOLS, strict=False))
    told = ", ".join(f"{SYMBOLS[mark]} {_number(value)}" for value, mark in marks.items())
    named = _named(sorted({row[by] for row in rows}, key=_natural))
    series = list(dict.fromkeys(named.values()))
    colours = _colours(len(series))
    figure = blank()
    for i, value in enumerate(series):
        own = sorted((row for row in rows if named[row[by]] == value), key=lambda row: row[x])
        figure.add_scatter(
            x=[row[x] for row in own], y=[row[y] for row in own], mode="markers", name=value,
            showlegend=i < MOST_NAMED, opacity=0.85,
            marker={"size": 8 if len(rows) < CROWDED else 5, "color": NONE if value == "as it is" else colours[i],
                    "symbol": [marks.get(row[grouped], "circle") for row in own] if grouped else "circle"},
        )  # fmt: skip
    more = f" and {len(series) - MOST_NAMED} more" if len(series) > MOST_NAMED else ""
    legend = {"font": {"size": 10}, "x": 1.02, "y": 1, "title": {"text": f"{by}{more}", "font": {"size": 11}}}
    title = f"{path.stem.removeprefix('strategy_')} on {rows[0]['device']}" + (f"; {grouped} {told}" if told else "")
    axes = {f"{at}axis": _axis(column, [row[column] for row in rows]) for at, column in (("x", x), ("y", y))}
    margin = {"l": 70, "r": 10, "t": 40, "b": 50}
    figure.layout = layout(title[:110], "", "", height=HEIGHT, legend=legend, showlegend=True, margin=margin, **axes)
    return figure


def _number(value: Any) -> str:
    return quantity("", value).replace(" ", "") if isinstance(value, int | float) and value >= LARGE else str(value)


def _axis(column: str, values: Sequence[float]) -> dict[str, Any]:
    return axis(column, values, log=min(values) > 0 and max(values) > WIDE * min(values))


def _natural(text: Any) -> list[Any]:
    """Order in which numbers within a text count as numbers, none first."""
    parts = re.split(r"(\d+(?:\.\d+)?)", str(text))
    return [text != "none", [(0, float(p), "") if p[:1].isdigit() else (1, 0.0, p) for p in parts]]


def _named(series: Sequence[Any]) -> dict[Any, str]:
    """A short name for each value: of a strategy the fields in which its uses differ, of too many its name alone."""
    parts = {value: [re.split("[ :,]", p) for p in str(value).removeprefix("zoo:").split(" + ")] for value in series}
    heads = {part[0] for found in parts.values() for part in found} - {"none"}
    uses = {head: [set(p[1:]) for found in parts.values() for p in found if p[0] == head] for head in heads}
    shared = {head: set.intersection(*held) if len(held) > 1 else set() for head, held in uses.items()}
    told = {
        v: " + ".join(_part(p, shared.get(p[0], set()), alone=len(heads) == 1) for p in f) for v, f in parts.items()
    }
    names = {value: " + ".join(part[0] for part in found) for value, found in parts.items()}
    several = 2 < len(set(names.values())) < len(PALETTE) <= len(series)
    return {v: "as it is" if t == "none" else t[:MOST_LETTERS] for v, t in (names if several else told).items()}


def _part(words: Sequence[str], shared: set[str], *, alone: bool) -> str:
    """A strategy's name with the fields that are not shared; the fields alone where it is the only one."""
    fields = [word for word in words[1:] if word not in shared]
    return " ".join(fields if alone and fields else [words[0], *fields])


def _colours(count: int) -> list[str]:
    """The palette without what stands for none, or where it is too short a scale."""
    told = [colour for colour in PALETTE if colour != NONE]
    return told if count <= len(told) else sample_colorscale("Viridis", [i / count for i in range(count)])


def draw(figures: Mapping[str, Any]) -> None:
    """Write a picture a figure: a page has plotly.js make them, Chromium prints the page with them in."""
    drawn = {name: json.loads(figure.to_json()) | {"config": CONFIG} for name, figure in figures.items()}
    script = (
        f"const all = {json.dumps(drawn)}; (async () => {{ for (const [name, told] of Object.entries(all)) {{"
        f"const url = await Plotly.toImage(told, {{format: 'webp', width: {WIDTH}, height: {HEIGHT}, scale: {SCALE}}});"
        "const kept = document.createElement('pre'); kept.textContent = name + ' ' + url;"
        "document.body.append(kept); } })();"
    )
    page = f"<!doctype html><meta charset=utf-8><body><script>{get_plotlyjs()}</script><script>{script}</script>"
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "page.html"
        written.write_text(page)
        command = [chromium() or "chromium", "--headless", "--no-sandbox", "--virtual-time-budget=60000", "--dump-dom"]
        done = subprocess.run([*command, written.as_uri()], check=True, capture_output=True, text=True)
    found = re.findall(r"<pre>(\w+) data:image/webp;base64,([^<]+)</pre>", done.stdout)
    for name, content in found:
        (PICTURES / f"{name}.webp").write_bytes(base64.b64decode(content))
    if missing := set(figures) - {name for name, _ in found}:
        raise ValueError(f"no picture was made of {', '.join(sorted(missing))}")


def page(paths: Mapping[str, Path]) -> str:
    """The page of all spaces, each with its sentence and picture."""
    own = "[`cpu_sparsity`](../examples/cpu_sparsity.toml) needs a profile of your own CPU."
    text = "# Strategies\n\nEach as a space to explore, with its front on the first device of the space, and what"
    text += f" else there is to explore (`python docs/fronts.py`). {own}\n"
    for name, path in paths.items():
        text += f"\n## {name.removeprefix('strategy_')}\n\n[`{name}`](../examples/{path.name}): {_head(path)}\n"
        text += f"\n![front of {name}](fronts/{name}.webp)\n"
    return text


def _head(path: Path) -> str:
    """The first sentence of a space's own comment, after the commands."""
    comment = path.read_text().split("\n\n")[0].splitlines()
    lines = [line.lstrip("# ").strip() for line in comment if line.startswith("#")]
    told = " ".join(line for line in lines if line and not line.startswith(("bitfront", "make ")))
    found = re.match(r".*?[.?!](?=\s|$)", told)
    return found[0] if found else told


def main(wanted: Sequence[str]) -> int:
    """Draw what is wanted, all if nothing is named, and write the page; 2 on a name that is no space."""
    paths = spaces()
    if unknown := set(wanted) - set(paths):
        print(f"no space {', '.join(sorted(unknown))} in examples/; there are {', '.join(paths)}", file=sys.stderr)
        return 2
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        draw({name: front(paths[name], Path(folder)) for name in wanted or paths})
    for picture in PICTURES.glob("*.webp"):
        if picture.stem not in paths:
            picture.unlink()
    (ROOT / "docs" / "strategies.md").write_text(page(paths))
    size = sum(picture.stat().st_size for picture in PICTURES.glob("*.webp"))
    print(f"{len(paths)} spaces, pictures of {size / 1e3:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
