"""A solved plan as the page shows it, and the files that it downloads as."""

import shlex
from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html

from app import ranges
from app.figures.bits import bits
from app.figures.pareto import pareto
from app.figures.style import dressed
from app.limits import limit
from app.optimise.question import Question
from app.results import misfit, sources, sure
from app.text import label, quantity
from app.web import downloads
from app.web.parts import LAYER, graph, grid, note, numbers, panel
from costmodel.hardware import Fpga
from dse.curves import ends
from dse.folding_refusals import SPEEDS
from dse.plan import InfeasibleError

Result = Mapping[str, Any]

COSTS = ("weight_bytes", "latency_s", "throughput_per_s", "energy_j", "bops", "lut", "dsp", "bram18", "uram")
NUMBERS = ("weight_bytes", "latency_s", "busy_s", "energy_j", "lut", "dsp", "bram18", "uram")


def section(send: Any) -> Any:
    """The place of a plan, empty until one is solved; `send` stands beside its downloads."""
    files = dmc.Group([downloads.control("optimise"), send], gap="xs")
    return html.Section(
        [
            panel("Plan", html.Div(id="optimise-plan"), downloads.place("optimise"), side=files),
            html.Div(
                [
                    panel("Loss against size", graph("optimise-front", height=360, label="Designs by loss and size")),
                    panel("Bits of each layer", graph("optimise-bits", height=360, label="Bits of each layer")),
                ],
                className="two",
            ),
        ],
        id="optimise-result", className="stack", style={"display": "none"}, **{"aria-label": "The plan"},
    )  # fmt: skip


def tables() -> Any:
    """The place of a plan's tables, as wide as the page."""
    return html.Section(
        [
            panel("Designs", grid("optimise-designs", [{"field": "name", "headerName": "Design"}], height=None)),
            panel("Layers", grid("optimise-layers", [{"field": "name", "headerName": "Layer"}], height=420)),
        ],
        id="optimise-tables", className="stack", style={"display": "none"}, **{"aria-label": "The plan's tables"},
    )  # fmt: skip


def summary(result: Result, linked: str = "") -> Any:
    """What was chosen, how sure it is, and how to do it again; `linked` is the design of the link that asked it."""
    is_fixed, is_proven = "fixed" in result, result["proven"]
    look = {} if is_fixed else {"c": "var(--good)" if is_proven else "var(--bad)"}
    proven = dmc.Badge(sure(result), color="gray" if is_fixed else "teal" if is_proven else "yellow", variant="light",
                       **look)  # fmt: skip
    budgets = " and ".join(map(limit, result["budgets"])) or "no budget"
    head = dmc.Group([html.Code(result["design"], id="optimise-id", className="id"), proven,
                      dmc.Text(f"{result['model']} on {result['device']}, {budgets}", size="sm")],
                     gap="sm")  # fmt: skip
    facts = [
        ("Predicted loss", f"{result['objective']:.5g}"),
        *([] if is_fixed else [("Bound", f"{result['bound']:.5g}"), ("Solver", result["solver"])]),
        *((label(c), _with_interval(result["totals"], c)) for c in COSTS if c in result["totals"]),
    ]  # fmt: skip
    cells = [html.Div([html.Span(words, className="fact-name"), html.Span(value)]) for words, value in facts]
    command = shlex.join(result["provenance"]["command"])
    told = [
        note(f"Loss: {result['loss_source']}. {sources(result['layers'])}. {ranges.said(result['totals'], COSTS)}"),
        html.Pre(command, className="command"),
    ]
    if linked not in ("", result["design"]):
        says = (
            f"The link's plan was {linked}. Solved anew, the question has this one: what it is solved from has changed"
        )
        told.insert(0, dmc.Alert(f"{says}, or its time was up elsewhere.", color="yellow", variant="light"))
    if not result.get("fits", True):
        says = f"{result['device']} has less than the plan takes: {misfit(result)}"
        told.insert(0, dmc.Alert(says, title="Does not fit", color="red"))
    if result.get("additivity", {}).get("warning"):
        told.insert(0, dmc.Alert(result["additivity"]["warning"], color="yellow", variant="light"))
    return html.Div([head, html.Div(cells, className="facts"), *told])


def infeasible(question: Question, error: InfeasibleError) -> str:
    """Which budgets cannot be met and the least value of each, in words; empty where that is not of budgets, or of a
    dataflow's speed, of which the error says how sure it is."""
    limits = {b.metric.name: b.limit for b in question.limits}
    if isinstance(question.problem.device, Fpga) and limits.keys() & error.least.keys() & {*SPEEDS}:
        return ""
    told = [
        f"{label(name)} is at least {quantity(name, value)}, the budget is {quantity(name, limits[name])}"
        for name, value in error.least.items() if name in limits and value > limits[name]
    ]  # fmt: skip
    return ("" if error.alone or not told else "Given the others, ") + "; ".join(told)


def figures(result: Result, *, dark: bool, narrow: bool = False) -> tuple[Any, Any]:
    """Designs by loss and storage with the exact front, and the bits of each layer."""
    cost = "lut" if "lut" in result["fronts"] else "weight_bytes"
    front, points = result["fronts"].get(cost, ()), result.get("front_points", {}).get(cost)
    plane = pareto(result["designs"], cost=cost, quality="loss", title="", front=front, points=points)
    chosen = [layer for layer in result["layers"] if layer["name"] in result["assignment"]]
    return dressed(plane, dark), dressed(bits(chosen, title="", narrow=narrow, half=True), dark)


def _with_interval(totals: Mapping[str, float], name: str) -> str:
    """A total, and its range where it has one."""
    told = [totals.get(end) for end in ends(name)]
    value = quantity(name, totals[name])
    return value if None in told else f"{value} ({' to '.join(quantity(name, float(end or 0.0)) for end in told)})"


def _on_fpga(result: Result) -> bool:
    return "lut" in result["totals"]


def designs(result: Result) -> tuple[list[Any], list[Any]]:
    """The grid of designs: rows and columns."""
    shown = [c for c in COSTS if not (_on_fpga(result) and c == "bops")]
    costs = [c for c in shown if any(c in d["totals"] for d in result["designs"])]
    found = [
        {"name": d["name"], "kind": d["kind"], "loss": d["loss"]} | _numbers(d["totals"], costs)
        for d in result["designs"]
    ]
    first = [{"field": "name", "headerName": "Design", "width": 164, "pinned": "left", "tooltipField": "name"},
             {"field": "kind", "headerName": "Kind", "width": 84},
             {"field": "loss", "headerName": "Predicted loss", "minWidth": 96, "flex": 1, "type": "rightAligned",
              "valueFormatter": {"function": "d3.format('.4~g')(params.value)"}}]  # fmt: skip
    return found, first + numbers(costs, 96)


def layers(result: Result) -> tuple[list[Any], list[Any]]:
    """The grid of chosen layers: rows and columns."""
    chosen = [_busy(layer) for layer in result["layers"] if layer["name"] in result["assignment"]]
    names = [n for n in NUMBERS if any(n in layer for layer in chosen)]
    found = [
        {n: layer.get(n, "") for n in ("name", "kind", "precision", "source")} | _numbers(layer, names)
        for layer in chosen
    ]
    first = [LAYER | {"minWidth": 150, "flex": 3},
             {"field": "kind", "headerName": "Kind", "width": 104},
             {"field": "precision", "headerName": "Precision", "width": 150, "tooltipField": "precision"}]  # fmt: skip
    last = [{"field": "source", "headerName": "Source", "minWidth": 110, "flex": 2, "tooltipField": "source"}]
    return found, first + numbers(names, 96) + last


def _busy(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """A layer whose time, where it is a stage of a pipeline, is called what it is."""
    return {"busy_s" if n == "latency_s" and "lut" in layer else n: value for n, value in layer.items()}


def _numbers(values: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Numbers to sort by, and how they read."""
    known = {n: values[n] for n in names if values.get(n) is not None}
    return known | {"told": {n: quantity(n, float(value)) for n, value in known.items()}}
