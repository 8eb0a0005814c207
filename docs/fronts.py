"""Draw the front of every examples/strategy_*.toml: docs/strategies.png and docs/strategies.md.

python docs/fronts.py        # needs chromium for the picture
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from app.figures.style import CONFIG, colour, layout
from app.report.pdf import chromium
from app.text import label
from costmodel.strategies import names
from dse import Space, store
from dse.sweep import sweep

ROOT = Path(__file__).parents[1]
ACROSS, WIDTH, HEIGHT = 4, 430, 330
LEGEND = 5
"""Strategies named in a figure; more go by one colour each, without a name."""


def front(path: Path, folder: Path) -> tuple[str, go.Figure]:
    """The sentence at the head of a space, and its front on the first calibrated device: a colour a strategy."""
    space = Space.load(path)
    sweep(space, folder / path.stem)
    rows = store.query(folder / path.stem, "select * from front").to_pylist()
    x, y = (objective.name for objective in space.objectives[:2])
    device = rows[0]["device"]
    rows = [row for row in rows if row["device"] == device]
    figure = go.Figure()
    for i, strategy in enumerate(sorted({row["strategy"] for row in rows}, key=lambda s: (s != "none", s))):
        own = sorted((row for row in rows if row["strategy"] == strategy), key=lambda row: row[x])
        figure.add_scatter(
            x=[row[x] for row in own], y=[row[y] for row in own], mode="markers", showlegend=i < LEGEND,
            name="dense" if strategy == "none" else strategy.split(" ", 1)[-1][:34],
            marker={"size": 8, "color": "#999999" if strategy == "none" else colour(i)},
        )  # fmt: skip
    title = f"{path.stem.removeprefix('strategy_')} on {device}"
    figure.update_layout(
        **layout(title, label(x, unit=True), label(y, unit=True), width=WIDTH, height=HEIGHT),
    )
    figure.update_layout(font={"size": 11}, legend={"font": {"size": 9}, "y": -0.32}, margin={"b": 95, "l": 65})
    figure.update_xaxes(exponentformat="SI", nticks=5)
    figure.update_yaxes(exponentformat="SI", nticks=5)
    return _head(path), figure


def _head(path: Path) -> str:
    """The sentences of a space's own comment, after the command."""
    lines = [line.lstrip("# ").strip() for line in path.read_text().splitlines() if line.startswith("#")]
    told = [line for line in lines if line and not line.startswith("bitfront")]
    return " ".join(told).split(". ")[0].rstrip(".") + "."


def page(figures: list[go.Figure]) -> str:
    """All figures on one page, a few across."""
    parts = [
        f'<div id="f{i}"></div><script>Plotly.newPlot("f{i}", ...{json.dumps(_drawn(figure))})</script>'
        for i, figure in enumerate(figures)
    ]
    style = f"<style>body{{display:grid;grid-template-columns:repeat({ACROSS},{WIDTH}px);margin:8px}}</style>"
    return f"<!doctype html><meta charset=utf-8><script>{get_plotlyjs()}</script>{style}{''.join(parts)}"


def _drawn(figure: go.Figure) -> list[Any]:
    whole = json.loads(figure.to_json())
    return [whole["data"], whole["layout"], CONFIG | {"staticPlot": True, "responsive": False}]


def main() -> int:
    """Write both files."""
    paths = sorted((ROOT / "examples").glob("strategy_*.toml"))
    with tempfile.TemporaryDirectory() as folder:
        found = [front(path, Path(folder)) for path in paths]
        written = Path(folder) / "page.html"
        written.write_text(page([figure for _, figure in found]))
        size = f"{ACROSS * WIDTH + 16},{-(-len(found) // ACROSS) * HEIGHT + 16}"
        picture = ROOT / "docs" / "strategies.png"
        subprocess.run(
            [chromium() or "chromium", "--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={picture}",
             f"--window-size={size}", "--virtual-time-budget=20000", written.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
    rows = [
        f"| [`{path.stem}`](../examples/{path.name}) | {head} |" for path, (head, _) in zip(paths, found, strict=True)
    ]
    text = (
        "# Strategies\n\nEach as a space to explore, with its front on a calibrated GPU (`python docs/fronts.py`); "
        "several of them on FPGAs in [`fpga_sparsity`](../examples/fpga_sparsity.toml), and on a CPU of your own in "
        "[`cpu_sparsity`](../examples/cpu_sparsity.toml).\n\n"
    )
    text += "| space | what it trades |\n|---|---|\n" + "\n".join(rows) + "\n\n![fronts](strategies.png)\n"
    (ROOT / "docs" / "strategies.md").write_text(text)
    missing = sorted(set(names()) - {path.stem.removeprefix("strategy_") for path in paths})
    print(f"{len(paths)} spaces; strategies without one: {', '.join(missing) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
