"""A design in detail: its figures with where each comes from, its layers to edit, its roofline and breakdown."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import html

from app import ranges
from app.explore.axes import told as told_axis
from app.explore.designs import Designs
from app.explore.opened import Opened
from app.explore.question import PRECISIONS
from app.figures.breakdown import breakdown
from app.figures.resources import resources
from app.figures.roofline import roofline
from app.figures.utilisation import utilisation
from app.text import label, not_counted, quantity
from app.web import downloads
from app.web.parts import LAYER, graph, grid, note, numbers, panel, trust
from costmodel.hardware import Fpga
from costmodel.precision import precision
from dse.curves import ends
from dse.run_ranges import source

TOTALS = (
    "loss", "latency_s", "examples_per_s", "energy_j", "power_w", "weight_bytes", "footprint_bytes", "bytes_moved",
    "kv_bytes", "macs", "bops", "lut", "ff", "dsp", "bram18", "uram",
)  # fmt: skip
SHOWN = (
    "latency_s", "busy_s", "energy_j", "weight_bytes", "bytes_moved", "macs", "lut", "ff", "dsp", "bram18", "cycles",
)  # fmt: skip
BOUND = (
    "compute or memory: the larger term of the roofline; latency: neither rate is reached to a fifth, what is left are "
    "launches, waits and unfilled units"
)
"""What holds a layer back on a GPU or CPU, in words."""
BY_ROOFLINE = (
    "As drawn: by the roofline of each layer, without launches, waits and fusion, as this run was swept (latency = "
    '"roofline" in its file). The number above it is the full estimate, which the layers below add up to.'
)
"""What the second number of a total is."""
BLOCKS = ("dsp", "bram18")
"""Resources that a layer takes few of."""
ROOFLINE, BY_LAYER = "Roofline", "Share of the device by layer"
PEAKS = "Roofline with a dot a layer; of an FPGA, what each layer takes of it"
COLUMNS = {"columns": 6, "wide-columns": 11}
"""Totals beside each other on a page of 1280 and of 1920 pixels."""
PAGE_NAMES = 22
"""Layers whose names can be read beneath the bars in a third of a page of 1280 pixels."""
RESOURCES = ("lut", "ff", "dsp", "bram18", "uram")


def section(send: Any) -> Any:
    """The place of a chosen design; at its head what it downloads as, and `send`."""
    files = dmc.Group([downloads.control("explore"), send], gap="xs")
    layers = panel(
        "Layers",
        note("A precision is edited in its cell: the design is estimated again and drawn as a star beside the front."),
        grid("explore-layers", columns((), ()), height=430, getRowId="params.data.name", persistence=False),
        side=dmc.Button("Undo edits", id="explore-undo", variant="default", size="compact-xs"),
    )  # fmt: skip
    figures = dmc.SimpleGrid(
        [
            panel(html.Span(ROOFLINE, id="explore-peaks-title"), graph("explore-peaks", height=420, label=PEAKS)),
            panel("Breakdown", graph("explore-breakdown", height=420, label="Latency, energy and memory by kind")),
            panel("Device", graph("explore-device", height=420, label="Share of the device that the design takes")),
        ],
        cols={"base": 1, "md": 3},
        spacing="md",
    )
    return html.Section(
        [panel("Design", html.Div(id="explore-totals"), downloads.place("explore"), side=files), layers, figures],
        className="stack",
        **{"aria-label": "The chosen design"},
    )  # fmt: skip


def editable(designs: Designs) -> list[str]:
    """The precisions that a layer may be given: those of its space, and common ones."""
    own = [str(p) for p in designs.space.axis("precision").values]
    common = [precision(p).name for group in PRECISIONS.values() for p in group]
    return list(dict.fromkeys([*own, *common]))


def columns(precisions: Sequence[str], has: Container[str]) -> list[dict[str, Any]]:
    """The grid's columns, of numbers those that the estimate `has`: narrow enough for a page of 1280 pixels."""
    on_fpga = "lut" in has
    fixed: list[dict[str, Any]] = [
        LAYER | {"pinned": "left", "width": 128 if on_fpga else 232},
        {"field": "kind", "headerName": "Kind", "width": 96 if on_fpga else 112, "tooltipField": "kind"},
        {"field": "precision", "headerName": "Precision", "width": 98 if on_fpga else 164,
         "cellClassRules": {"editable": "params.data.weighted"},
         "editable": {"function": "params.data.weighted"}, "cellEditor": "agSelectCellEditor",
         "cellEditorParams": {"values": list(precisions)}},
    ]  # fmt: skip
    last: list[dict[str, Any]] = [
        {
            "field": "bound",
            "headerName": "Bound by",
            "width": 78 if on_fpga else 86,
            **({} if on_fpga else {"headerTooltip": BOUND}),
        },
        {"field": "source", "headerName": "Source", "minWidth": 90, "flex": 2, "tooltipField": "source"},
    ]
    shown = [name for name in SHOWN if name in has]
    if on_fpga:
        shown = ["busy_s" if name == "latency_s" else name for name in shown if name != "macs"]
    small = [name for name in shown if name in BLOCKS]
    return fixed + numbers([n for n in shown if n not in small], 80 if on_fpga else 88) + numbers(small, 60) + last


def rows(opened: Opened) -> list[dict[str, Any]]:
    """The grid's rows: a layer each, its numbers and how they read."""
    weighted = {op.name for op in opened.estimate.workload.ops if op.weight_elements > 0}
    found = []
    for layer in _layers(opened):
        told = {n: quantity(n, float(layer[n])) for n in SHOWN if n in layer}
        plain = {n: layer[n] for n in ("name", "kind", "precision", *SHOWN, "bound", "source") if n in layer}
        found.append(plain | {"told": told, "weighted": layer["name"] in weighted})
    return found


def totals(opened: Opened, values: Mapping[str, Any], edits: int) -> Any:
    """The design's id, what it is, and its totals, each with its source."""
    what = [told_axis(name, value) for name, value in values.items() if name != "precision"]
    what += [f"folded for {opened.laid_for}"] * bool(opened.laid_for)
    edited = dmc.Badge(f"{edits} edited", color="red", variant="light") if edits else None
    heading = dmc.Group(
        [html.Code(opened.id, id="explore-id", className="id"), dmc.Text(" · ".join(what), size="sm"), edited], gap="sm"
    )
    cells = [_cell(opened, name) for name in TOTALS if _has(opened, name)]
    return html.Div(
        [
            heading,
            html.Div(cells, className="totals", style=_even(len(cells))),
            note(ranges.said(opened.columns, TOTALS)),
            note(BY_ROOFLINE) if opened.swept else None,
            _pace(opened),
            *map(note, not_counted(opened.estimate.uncounted)),
        ]
    )


def _even(cells: int) -> dict[str, Any]:
    """Columns for a page of either width, so that no row is much shorter than the others."""
    return {f"--{name}": -(-cells // -(-cells // most)) for name, most in COLUMNS.items()}


def _has(opened: Opened, name: str) -> bool:
    """Whether a design has a total: a network without attention has no KV cache."""
    return name in opened.columns and not (name == "kv_bytes" and not opened.columns[name])


def _pace(opened: Opened) -> Any:
    """Which stage of an FPGA's pipeline the others wait for; nothing elsewhere."""
    if not isinstance(opened.device, Fpga):
        return None
    slowest = max(opened.estimate.table(), key=lambda layer: float(layer["cycles"]))
    each = quantity("latency_s", float(slowest["latency_s"]))
    return note(
        f"A pipeline: its stages work at once, so that their busy times do not add up to the latency. The slowest, "
        f"{slowest['name']}, is busy for {each} of a pass."
    )


def _layers(opened: Opened) -> list[dict[str, Any]]:
    """A row a layer; the time of a pipeline's stage is no part of a latency, but how long it is busy."""
    found = opened.estimate.table()
    if not isinstance(opened.device, Fpga):
        return found
    return [{"busy_s" if name == "latency_s" else name: value for name, value in row.items()} for row in found]


def _cell(opened: Opened, name: str) -> Any:
    told = f"{opened.columns[name]:.4g}" if name == "loss" else quantity(name, opened.columns[name])
    found = source(opened.estimate, name)
    inside = [
        html.Div(label(name), className="total-name"),
        html.Div(told, className="total-value", **{"data-metric": name}),
        _interval(opened, name),
        _swept(opened, name),
        html.Div(found, className=f"source {trust(found)}", title=f"Source of this number: {found}"),
    ]
    return html.Div(inside, className="total")


def _interval(opened: Opened, name: str) -> Any:
    """The range of a total that has one, and what it is."""
    low, high = (opened.columns.get(end, np.nan) for end in ends(name))
    if not np.isfinite([low, high]).all():
        return None
    told = f"{quantity(name, low)} to {quantity(name, high)} ({ranges.short(name, opened.columns)})"
    return html.Div(told, className="interval", title=ranges.words(name, opened.columns))


def _swept(opened: Opened, name: str) -> Any:
    """A total as the design's sweep has it and its figure shows it, where that is by another model."""
    if name not in opened.swept:
        return None
    return html.Div(f"{quantity(name, opened.swept[name])} as drawn", className="interval", title=BY_ROOFLINE)


def figures(opened: Opened) -> tuple[Any, Any, Any]:
    """Roofline, or an FPGA's resources by layer; breakdown; share of the device."""
    layers = _layers(opened)
    device = opened.device
    if isinstance(device, Fpga):
        available = {r: float(getattr(device, r)) for r in RESOURCES}
        fullest = sorted(available, key=lambda r: -opened.columns.get(r, 0.0) / max(available[r], 1.0))[:2]
        weighted = [layer for layer in layers if layer["params"]]
        taken = resources(weighted, available={r: available[r] for r in fullest}, title="", most_names=PAGE_NAMES)
        return taken, breakdown(layers, title=""), utilisation(opened.columns, available, title="")
    pipes = dict.fromkeys(p.math_pipe for p in opened.estimate.precisions)
    peaks = {pipe: float(np.asarray(device.peak_flops.of(pipe))) for pipe in pipes}
    peaks = {pipe: peak for pipe, peak in peaks.items() if np.isfinite(peak)}
    roofs = roofline(layers, peaks=peaks, memory_bytes_per_s=float(device.memory_bytes_per_s), title="")
    available = {"footprint_bytes": float(device.memory_bytes)}
    return roofs, breakdown(layers, title=""), utilisation(opened.columns, available, title="")
