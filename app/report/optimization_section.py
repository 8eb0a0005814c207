"""An optimisation as a section: designs beside each other, the plan's layers, and why it came out so."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from app import ranges
from app.designs import also_called, distinct, same, spoken
from app.figures.bits import bits
from app.figures.pareto import pareto
from app.figures.resources import resources
from app.figures.roofline import roofline
from app.limits import limit
from app.report.document import Row, Section, Table, present
from app.results import misfit, sources, sure, unfit
from app.show import folding_of, measured
from app.text import label, quantity
from dse.curves import ends

Run = Mapping[str, Any]

DESIGN_COSTS = ("weight_bytes", "bops", "latency_s", "energy_j", "lut", "dsp", "bram18", "uram", "throughput_per_s")
LAYER_COLUMNS = (
    "name", "kind", "precision", "params", "macs", "weight_bytes", "bytes_moved", "latency_s", "energy_j", "bound",
    "cycles", "lut", "ff", "dsp", "bram18", "products_in", "weights_in", "source", "energy_source",
)  # fmt: skip


def section(name: str, run: Run) -> Section:
    """Return the section of one result in the form of `bitfront optimize --json`."""
    title = f"{run['model']} on {run['device']}"
    layers = present(LAYER_COLUMNS, run["layers"])
    every = Table("layers", f"Every layer ({len(run['layers'])})", layers, tuple(run["layers"]), folded=True)
    return Section(name, title, _sentences(run), (_designs(run), every), _figures(run))


def _sentences(run: Run) -> tuple[str, ...]:
    budgets = " and ".join(map(limit, run["budgets"])) or "no budget"
    if "budgets_from" in run:
        budgets += f" ({run['budgets_from']})"
    found = [f"{_chosen(run, budgets)}; {_objective(run)} ({run['loss_source']}).", *run.get("notes", ())]
    found += unfit(run, "The plan")
    if "folding_of" in run:
        found.append(folding_of(run))
    found += measured(run)
    found += _same_throughout(run)
    found += filter(None, [ranges.said(run["totals"], DESIGN_COSTS, layers=True)])
    found.append(f"{sources(run['layers'])}.")
    if run.get("covers"):
        found.append(f"Counted: {run['covers']}.")
    if run.get("not_chosen"):
        formats = " and ".join(dict.fromkeys(run["not_chosen"].values()))
        found.append(f"No choice, at {formats}: {', '.join(run['not_chosen'])}.")
    if run["uncounted"]:
        found.append(f"Not counted: {', '.join(run['uncounted'])}.")
    return tuple(found)


def _chosen(run: Run, budgets: str) -> str:
    """Under what a plan was chosen and how sure it is, or who gave each layer its format."""
    if "fixed" not in run:
        return f"Chosen under {budgets}: {sure(run)} by {run['solver']}"
    opened = (run.get("provenance") or {}).get("opened_on")
    under = f", within {budgets}" if run["budgets"] else ""
    return (f"As opened on {opened}, each layer pinned" if opened else f"The plan is {sure(run)}") + under


def _objective(run: Run) -> str:
    """What was least, or most, and the loss beside it."""
    plan = next((d for d in run["designs"] if d["name"] == run["chosen"]), {"loss": run["objective"]})
    metric, lost = run.get("metric", "loss"), f"a loss increase of {plan['loss']:.4g}"
    if metric not in run["totals"]:
        return lost
    return f"{spoken(metric)} of {quantity(metric, run['totals'][metric])}, at {lost}"


def _same_throughout(run: Run) -> list[str]:
    """Why a cost is the same in every design: one layout for all on an FPGA, made at the widest format."""
    totals = [design["totals"] for design in run["designs"] if design["kind"] != "reference"]
    alike = [c for c in ("dsp", "latency_s") if len({t.get(c) for t in totals}) == 1 and totals[0].get(c)]
    if "available" not in run or not alike or len(totals) < 2 or not run.get("shared_layout"):
        return []
    told = " and ".join(f"{spoken(c)} ({quantity(c, totals[0][c])})" for c in alike)
    what = "how much a layer computes a cycle" + " and which layers multiply in DSP blocks" * ("dsp" in alike)
    what = "the array that all layers share" if "rows" in run["totals"] else what
    at = run.get("folding_of") or "the widest format"
    why = f"{what} is laid out once for all, at {at}; narrower formats save LUTs, block RAMs and bytes"
    return [f"Every design has the same {told}: {why}."]


def _designs(run: Run) -> Table:
    """A row a design, coinciding ones together: accuracy first, then how small it is, then its other costs."""
    reference = next((d for d in run["designs"] if d["kind"] == "reference"), None)
    chosen: Mapping[str, Any] = next((d for d in run["designs"] if d["name"] == run["chosen"]), {})
    shown = distinct(run["designs"])
    costs = [c for c in DESIGN_COSTS if any(d["totals"].get(c) for d in shown)]
    rows = tuple(
        {"design": also_called(d, run["designs"]), "kind": d["kind"]}
        | {score: d.get(score) for score in ("accuracy", "r2")}
        | _against(d, reference)
        | {"loss": d["loss"]}
        | {name: d["totals"].get(name) for c in costs for name in (c, *ends(c))}
        | {"does not fit": misfit(d) or None}
        for d in shown
    )
    columns = present(("design", "accuracy", "r2", "points", "smaller", "loss", *costs, "does not fit"), rows)
    marked = frozenset(i for i, design in enumerate(shown) if same(design, chosen))
    return Table("designs", "Designs", columns, rows, marked)


def _against(design: Row, reference: Row | None) -> dict[str, Any]:
    """The points of accuracy that a design gains on the reference, and how many times smaller it is."""
    if reference is None or design is reference or "weight_bytes" not in design["totals"]:
        return {}
    smaller = {"smaller": reference["totals"]["weight_bytes"] / design["totals"]["weight_bytes"]}
    return smaller | ({"points": 100 * (design["accuracy"] - reference["accuracy"])} if "accuracy" in design else {})


def _figures(run: Run) -> tuple[go.Figure, ...]:
    costs = [c for c in ("weight_bytes", "lut", "latency_s") if c in run["totals"]][:2]
    chosen = [layer for layer in run["layers"] if layer["name"] in run["assignment"]]
    fronts: dict[tuple[str, str], dict[str, Any]] = {
        (cost, "loss"): {"front": points, "points": run.get("front_points", {}).get(cost)}
        for cost, points in run["fronts"].items()
    }
    shown = [
        pareto(run["designs"], cost=c, quality=q, title=f"{label(q)} against {spoken(c)}", **fronts.get((c, q), {}))
        for q in (("error", "loss") if any("accuracy" in d for d in run["designs"]) else ("loss",))
        for c in costs
    ]
    shown.append(bits(chosen, title="Bits of each layer"))
    if "peaks" in run:
        memory = run["memory_bytes_per_s"]
        return (*shown, roofline(run["layers"], peaks=run["peaks"], memory_bytes_per_s=memory, title="Roofline"))
    if run.get("available"):
        shown.append(resources(chosen, available=run["available"], title="Share of the device"))
    return tuple(shown)
