"""A report as one HTML file: plotly inlined, no address in it is ever fetched."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from app.designs import also_called, distinct, same, spoken
from app.figures.bits import bits
from app.figures.pareto import pareto
from app.figures.resources import resources
from app.figures.roofline import roofline
from app.figures.style import CONFIG
from app.text import label, quantity
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
    budgets = " and ".join(_budget(b) for b in run["budgets"])
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
    qualities = ("error", "loss") if measured else ("loss",)
    fronts = {(cost, "loss"): points for cost, points in run["fronts"].items()}
    shown = [
        pareto(run["designs"], cost=c, quality=q, title=f"{label(q)} against {spoken(c)}", front=fronts.get((c, q), ()))
        for q in qualities
        for c in costs
    ]
    shown.append(bits(chosen, title="Bits of each layer"))
    if "peaks" in run:
        shown.append(
            roofline(run["layers"], peaks=run["peaks"], memory_bytes_per_s=run["memory_bytes_per_s"], title="Roofline")
        )
    else:
        shown.append(resources(chosen, available=run["available"], title="Share of the device"))
    return f'<div class="pair">{"".join(embed(figure) for figure in shown)}</div>'


def embed(figure: go.Figure) -> str:
    """A figure as HTML, without plotly itself."""
    html: str = to_html(figure, include_plotlyjs=False, full_html=False, config=CONFIG)
    return f"<div>{html}</div>"


def _designs(run: Run) -> str:
    """A row a design, coinciding ones together: accuracy first, then how small it is, then its other costs."""
    costs = [c for c in DESIGN_COSTS if c in run["totals"]]
    measured = any("accuracy" in d for d in run["designs"])
    reference = next((d for d in run["designs"] if d["kind"] == "reference"), None)
    columns = [
        "Design",
        *["Test accuracy"] * measured,
        *["Change (points)", "Smaller"] * bool(reference),
        "Predicted loss",
    ]
    chosen: Mapping[str, Any] = next((d for d in run["designs"] if d["name"] == run["chosen"]), {})
    rows = []
    for design in distinct(run["designs"]):
        cells = [also_called(design, run["designs"])]
        cells += [f"{design['accuracy']:.2%}" if "accuracy" in design else "-"] * measured
        cells += _against(design, reference) if reference else []
        cells += [f"{design['loss']:.3g}"]
        cells += [quantity(c, design["totals"][c]) if c in design["totals"] else "-" for c in costs]
        rows.append((same(design, chosen), cells))
    return table([*columns, *(label(c) for c in costs)], rows)


def _against(design: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """The points of accuracy that a design gains on the reference, and how many times smaller it is."""
    if design is reference or "accuracy" not in design or "weight_bytes" not in design["totals"]:
        return ["-", "-"]
    points = 100 * (design["accuracy"] - reference["accuracy"])
    return [f"{points:+.2f}", f"{reference['totals']['weight_bytes'] / design['totals']['weight_bytes']:.1f}x"]


def _layer_table(layers: Sequence[Mapping[str, Any]]) -> str:
    columns = [c for c in LAYER_COLUMNS if any(c in layer for layer in layers)]
    rows = [
        (False, [str(v) if isinstance(v := layer.get(c, "-"), str) else quantity(c, v) for c in columns])
        for layer in layers
    ]
    return table([label(c) for c in columns], rows)


def table(columns: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """A table as HTML; rows are (chosen, cells)."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        f"<tr{' class=chosen' if chosen else ''}>{''.join(f'<td>{escape(c)}</td>' for c in cells)}</tr>"
        for chosen, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _budget(budget: str) -> str:
    """A budget such as lut <= 17744 in words; one of another form as it is."""
    parts = budget.split(" ")
    if len(parts) != 3:
        return escape(budget)
    metric, sense, limit = parts
    return escape(f"{spoken(metric)} {sense.replace('<=', '≤').replace('>=', '≥')} {quantity(metric, float(limit))}")


def _versions(runs: Mapping[str, Run]) -> str:
    versions = next(iter(runs.values()))["versions"]
    return "Made by " + ", ".join(f"{package} {version}" for package, version in versions.items())


def _uncounted(run: Run) -> str:
    return f"<p>Not counted: {escape(', '.join(run['uncounted']))}.</p>" if run["uncounted"] else ""
