"""A report as one HTML file: plotly inlined, no address in it is ever fetched."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from app.figures.bits import bits
from app.figures.pareto import pareto
from app.figures.resources import resources
from app.figures.roofline import roofline
from app.figures.style import CONFIG
from app.text import quantity
from costmodel.files import write_atomically

Run = Mapping[str, Any]

DESIGN_COSTS = ("weight_bytes", "bops", "latency_s", "energy_j", "lut", "dsp", "bram18", "throughput_per_s")
LAYER_COLUMNS = (
    "name", "kind", "precision", "params", "macs", "weight_bytes", "bytes_moved", "latency_s", "energy_j", "bound",
    "cycles", "lut", "dsp", "bram18",
)  # fmt: skip


def write(path: Path, runs: Mapping[str, Run], *, title: str, lead: str = "", footer: str = "") -> None:
    """Write the page of `render` whole or not at all."""
    write_atomically(path, render(runs, title=title, lead=lead, footer=footer or _versions(runs)))


def render(runs: Mapping[str, Run], *, title: str, lead: str, footer: str) -> str:
    """Return the page of several runs, each a dict in the form of `bitfront optimize --json`."""
    links = " ".join(f'<a href="#{escape(name)}">{escape(str(run["device"]))}</a>' for name, run in runs.items())
    sections = "".join(_section(name, run) for name, run in runs.items())
    script = f"<script>{get_plotlyjs()}</script>"
    template = Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title), lead=escape(lead), footer=escape(footer), links=links, sections=script + sections
    )


def _section(name: str, run: Run) -> str:
    heading = f'<h2 id="{escape(name)}">{escape(run["model"])} on {escape(run["device"])}</h2>'
    state = "proven optimal" if run["proven"] else f"within {run['gap']:.2%} of the optimum"
    budgets = " and ".join(escape(b) for b in run["budgets"])
    note = (
        f"<p>Chosen under {budgets}: <strong>{state}</strong> by {escape(run['solver'])}; "
        f"loss increase {run['objective']:.4g} ({escape(run['loss_source'])}).</p>"
    )
    layers = f"<details><summary>Every layer ({len(run['layers'])})</summary>{_layer_table(run['layers'])}</details>"
    return heading + note + _designs(run) + _figures(run) + layers + _uncounted(run)


def _figures(run: Run) -> str:
    measured = any("accuracy" in d for d in run["designs"])
    costs = [c for c in ("weight_bytes", "lut", "latency_s") if c in run["totals"]][:2]
    chosen = [layer for layer in run["layers"] if layer["name"] in run["assignment"]]
    qualities = [("error", "Test error"), ("loss", "Predicted loss")] if measured else [("loss", "Predicted loss")]
    fronts = {(cost, "loss"): points for cost, points in run["fronts"].items()}
    shown = [
        pareto(run["designs"], cost=c, quality=q, title=f"{label} against {c}", front=fronts.get((c, q), ()))
        for q, label in qualities
        for c in costs
    ]
    shown.append(bits(chosen, title="Bits of each layer"))
    if "peaks" in run:
        shown.append(
            roofline(run["layers"], peaks=run["peaks"], memory_bytes_per_s=run["memory_bytes_per_s"], title="Roofline")
        )
    else:
        shown.append(resources(chosen, available=run["available"], title="Share of the device"))
    return f'<div class="pair">{"".join(_embed(figure) for figure in shown)}</div>'


def _embed(figure: go.Figure) -> str:
    html: str = to_html(figure, include_plotlyjs=False, full_html=False, config=CONFIG)
    return f"<div>{html}</div>"


def _designs(run: Run) -> str:
    costs = [c for c in DESIGN_COSTS if c in run["totals"]]
    columns = ["design", "accuracy", "loss increase", *costs]
    rows = []
    for design in run["designs"]:
        accuracy = f"{design['accuracy']:.2%}" if "accuracy" in design else "-"
        cells = [design["name"], accuracy, f"{design['loss']:.4g}"]
        cells += [quantity(c, design["totals"][c]) if c in design["totals"] else "-" for c in costs]
        rows.append((design["name"] == run["chosen"], cells))
    return _table(columns, rows)


def _layer_table(layers: Sequence[Mapping[str, Any]]) -> str:
    columns = [c for c in LAYER_COLUMNS if any(c in layer for layer in layers)]
    rows = [
        (False, [str(v) if isinstance(v := layer.get(c, "-"), str) else quantity(c, v) for c in columns])
        for layer in layers
    ]
    return _table(columns, rows)


def _table(columns: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        f"<tr{' class=chosen' if chosen else ''}>{''.join(f'<td>{escape(c)}</td>' for c in cells)}</tr>"
        for chosen, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _versions(runs: Mapping[str, Run]) -> str:
    versions = next(iter(runs.values()))["versions"]
    return "Made by " + ", ".join(f"{package} {version}" for package, version in versions.items())


def _uncounted(run: Run) -> str:
    return f"<p>Not counted: {escape(', '.join(run['uncounted']))}.</p>" if run["uncounted"] else ""
