"""Compared designs as the page shows them: a table with a column a design, crossovers in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.compare.designs import SHOWN, Record
from app.compare.question import SLOTS
from app.compare.verdicts import ALIKE, AMONG, BEST, OTHER, Verdict, differ, verdicts
from app.figures.style import colour
from app.text import label, not_counted, quantity
from app.web.parts import LAYER, grid, note, panel, trust

NEUTRAL = ("power_w", "macs", "bops")
"""Counts of work, of which fewer is not better by itself, and power, whose range is that of energy."""


def table(records: Sequence[Record], reference: int, *, only_differences: bool) -> Any:
    """A column a design, a row a value or metric; rows whose values are equal are quiet, or left out."""
    reference = min(reference, len(records) - 1)
    head = html.Thead(
        html.Tr([html.Th(html.Span("Design", className="unseen")), *map(_heading, range(len(records)), records)])
    )
    body = [*_described(records, only_differences), *_measured(records, reference, only_differences)]
    said = [note(sentence) for sentence in _ranges(records)]
    missing = list(dict.fromkeys(part for record in records for part in record["uncounted"]))
    shown = html.Table([head, html.Tbody(body)], id="compare-table", className="compared")
    return html.Div([html.Div(shown, className="compared-frame"), *said, *map(note, not_counted(missing))])


def _ranges(records: Sequence[Record]) -> list[str]:
    """What ranges are, of which designs where that is not the same for all."""
    found: dict[str, list[str]] = {}
    for slot, record in zip(SLOTS, records, strict=False):
        found.setdefault(record["ranges"], []).append(slot.upper())
    of = {told: f"{' and '.join(letters)}: " if len(found) > 1 else "" for told, letters in found.items()}
    return [f"{of[told]}{told}" for told in found if told]


def _heading(i: int, record: Record) -> Any:
    letter = html.Span(SLOTS[i].upper(), className="letter", style={"background": colour(i)})
    return html.Th([letter, html.Span(record["name"])], scope="col")


def _described(records: Sequence[Record], only_differences: bool) -> list[Any]:
    """Rows of what the designs are."""
    found = []
    for name in dict.fromkeys(name for record in records for name in record["what"]):
        values = [record["what"].get(name, "–") for record in records]
        differs = len(set(values)) > 1
        if differs or not only_differences:
            cells = [html.Td(value) for value in values]
            found.append(html.Tr([html.Th(name, scope="row"), *cells], className="differs" if differs else "equal"))
    return found


def _measured(records: Sequence[Record], reference: int, only_differences: bool) -> list[Any]:
    """Rows of metrics."""
    one_model = len({record["what"]["Model"] for record in records}) == 1
    found = []
    for metric in _metrics(records):
        values = [record["values"].get(metric) for record in records]
        differs = differ(values)
        if differs or not only_differences:
            ranked = metric not in NEUTRAL and (metric != "loss" or one_model)
            judged = verdicts(metric, values, reference, ranked=ranked)
            told = [_factor(j, reference) if differs and i != reference else None for i, j in enumerate(judged)]
            marks = [_mark(i, verdict) for i, verdict in enumerate(judged)]
            cells = [_cell(metric, *parts) for parts in zip(values, judged, marks, told, strict=True)]
            row = [html.Th(label(metric), scope="row"), *cells]
            found.append(html.Tr(row, className="differs" if differs else "equal"))
    return found


def _metrics(records: Sequence[Record]) -> list[str]:
    """Metrics that are not zero in all designs; examples per second only where they are not the tokens per second."""
    found = {m: [record["values"].get(m, {}).get("value", 0.0) for record in records] for m in SHOWN}
    same = found["examples_per_s"] == found["tokens_per_s"]
    return [m for m, values in found.items() if any(values) and not (m == "examples_per_s" and same)]


def _cell(metric: str, value: Mapping[str, Any] | None, verdict: Verdict, mark: Any, factor: Any) -> Any:
    """A number with its factor of the reference's, its standing, range, share of the device, and source."""
    if value is None:
        return html.Td("–", title="not modelled for this device")
    number = f"{value['value']:.4g}" if metric == "loss" else quantity(metric, value["value"])
    parts = [html.Span(number, className="compared-value", **{"data-metric": metric}), factor, mark]
    if "low" in value:
        ends = f"{quantity(metric, value['low'])} to {quantity(metric, value['high'])} ({value['of']})"
        parts.append(html.Div(ends, className="interval"))
    if "share" in value:
        full = " full" if value["share"] > 1 else ""
        parts.append(html.Div(f"{value['share']:.1%} of the device", className=f"interval{full}"))
    source = value["source"]
    parts.append(html.Div(source, className=f"source {trust(source)}", title=f"Source of this number: {source}"))
    return html.Td(parts, className=verdict.standing)


def _mark(i: int, verdict: Verdict) -> Any:
    """A design's standing in words that name the best one, where there is one to name."""
    best = SLOTS[verdict.best].upper()
    told, why = {
        BEST: ("best", "no other range reaches it"),
        AMONG: ("best, not surely", "ranges of others overlap its own")
        if i == verdict.best
        else (f"may equal {best}", f"its range overlaps that of {best}, whose value is the best"),
        OTHER: ("", ""),
    }[verdict.standing]
    return html.Span(told, className=f"mark {verdict.standing}", title=why) if told else None


def _factor(verdict: Verdict, reference: int) -> Any:
    """A value as a multiple of the reference's, ≈ and what it may be where ranges leave that open."""
    if math.isnan(verdict.factor):
        return None
    low, high = verdict.within
    base = SLOTS[reference].upper()
    if math.isnan(low) or high <= low * (1 + ALIKE):
        return html.Span(f"{_times(verdict.factor)} {base}", className="factor", title=f"of the reference, {base}")
    why = f"{_times(low)} to {_times(high)} {base} by both ranges" + ("" if verdict.certain else ": may be alike")
    return html.Span(f"≈ {_times(verdict.factor, digits=2)} {base}", className="factor", title=why)


def _times(factor: float, digits: int = 3) -> str:
    return f"{factor:.{digits}g}×" if factor < 10 ** (digits - 1) else f"{factor:,.0f}×"


def layers(records: Sequence[Record], reference: int, *, only_differences: bool) -> Any:
    """The precision of each layer, a column a design, unlike the reference's marked; None where each has one.

    A layer that a design does not have is a dash.
    """
    if all(len(set(record["layers"].values())) <= 1 for record in records):
        return None
    base = records[min(reference, len(records) - 1)]["layers"]
    names = list(dict.fromkeys(name for record in records for name in record["layers"]))
    rows = [
        {"layer": name, "base": base.get(name, "–")}
        | {s: r["layers"].get(name, "–") for s, r in zip(SLOTS, records, strict=False)}
        for name in names
    ]
    differing = [row for row in rows if len({row[slot] for slot, _ in zip(SLOTS, records, strict=False)}) > 1]
    columns = [LAYER | {"field": "layer", "tooltipField": "layer", "flex": 2, "minWidth": 220}] + [
        {"field": slot, "headerName": f"{slot.upper()} · {record['name']}", "flex": 1, "minWidth": 130,
         "cellClassRules": {"unlike": "params.value !== params.data.base"}}
        for slot, record in zip(SLOTS, records, strict=False)
    ]  # fmt: skip
    told = f"{len(differing):,} of {len(rows):,} layers differ, those first; what is not as in the reference is marked."
    told = told if len(records) > 1 else f"{len(rows):,} layers."
    others = [] if only_differences else [row for row in rows if row not in differing]
    shown = grid("compare-by-layer", columns, height=320, rowData=differing + others)
    return panel("Precision by layer", note(told), shown)


def crossings(sentences: Sequence[str]) -> Any:
    """Crossovers in words."""
    return dmc.List([dmc.ListItem(sentence) for sentence in sentences], size="sm", id="compare-crossovers")
