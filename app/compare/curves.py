"""A metric of every design along an axis, and where one overtakes another."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.compare.designs import RATES, estimate_of, names, rates
from app.compare.question import PER_LAYER, Design, Question
from app.compare.verdicts import HIGHER_IS_BETTER
from app.text import label, quantity
from app.web import inputs
from costmodel.catalog import require
from costmodel.hardware import Gpu
from dse.crossover import Along, Band, crossovers, points, undecided
from dse.curves import along, ends, latency_band

Curves = Mapping[str, Any]
Floats = NDArray[np.float64]

FINE = 0.03
"""How finely the ends of a crossover's range are told, as a share of the axis's value."""


def curves(question: Question, told: Callable[[float], Any] | None = None) -> Curves:
    """Evaluate a question's metric along its axis: plain data.

    {axis, metric, values: [N], ends: [2], series: [{name, values: [N], band: {at, low, high}}],
    crossovers: [{at, before, after, value, from, to}]}: ranges at every second value, and between which values of
    the axis they meet, where the metric has ranges. `told` gets the share that is done. ValueError where a design
    cannot take the axis.
    """
    values = points(question.low, question.high)
    coarse = values[:: 2 if len(values) % 2 else 1]
    called = names(question.designs)
    found: dict[str, Along] = {}
    bands: dict[str, Band] = {}
    for i, (name, design) in enumerate(zip(called, question.designs, strict=True)):
        found[name], band = _curve(design, question.axis, question.metric, question.low)
        found[name](values)
        if band is not None and np.isfinite([end(coarse) for end in band]).all():
            bands[name] = band
        if told is not None:
            told((i + 1) / len(called) * 0.8)
    changes = _changes(found, bands, values, coarse, -1.0 if question.metric in HIGHER_IS_BETTER else 1.0)
    shown = np.union1d(values, [change["at"] for change in changes])
    series: list[dict[str, Any]] = [{"name": name, "values": curve(shown).tolist()} for name, curve in found.items()]
    for line in series:
        if line["name"] in bands:
            low, high = (end(coarse).tolist() for end in bands[line["name"]])
            line["band"] = {"at": coarse.tolist(), "low": low, "high": high}
    return {
        "axis": question.axis, "metric": question.metric, "values": shown.tolist(), "ends": values[[0, -1]].tolist(),
        "crossovers": changes, "series": series,
    }  # fmt: skip


def _changes(
    found: Mapping[str, Along], bands: Mapping[str, Band], values: Floats, coarse: Floats, sign: float
) -> list[dict[str, Any]]:
    """Where one of each pair of curves overtakes the other, in the order of the axis, and where ranges meet."""
    signed = {name: _times(curve, sign) for name, curve in found.items()}
    changes = []
    for a, b in combinations(signed, 2):
        for c in crossovers(signed[a], signed[b], values, names=(a, b), whole=True):
            change = {"at": int(c.at), "before": c.before, "after": c.after, "value": sign * c.value}
            if a in bands and b in bands:
                low, high = undecided(bands[a], bands[b], coarse, c.at, whole=True, share=FINE)
                change |= {"from": int(low), "to": int(high)}
            changes.append(change)
    return sorted(changes, key=lambda change: change["at"])


def sentences(found: Curves) -> list[str]:
    """The crossovers in words with where ranges do not tell the designs apart, or who leads all along."""
    axis, metric = found["axis"], found["metric"]
    if found["crossovers"]:
        return [
            f"{c['after']} overtakes {c['before']} at {axis} {c['at']:,} ({quantity(metric, c['value'])})"
            + _uncertain(found, c)
            for c in found["crossovers"]
        ]
    if len(found["series"]) < 2:
        return ["One design alone: add another to see where either leads."]
    better = max if metric in HIGHER_IS_BETTER else min
    leads = better(found["series"], key=lambda s: s["values"][0])["name"]
    first, last = (int(end) for end in found["ends"])
    return [f"No crossover from {axis} {first:,} to {last:,}: by {label(metric).lower()}, {leads} leads all along."]


def _uncertain(found: Curves, change: Mapping[str, Any]) -> str:
    """Between which values of the axis the two designs' ranges meet."""
    if "from" not in change:
        return ""
    axis, (first, last) = found["axis"], found["ends"]
    if change["from"] <= first and change["to"] >= last:
        return f"; their ranges overlap all along, from {axis} {first:,.0f} to {last:,.0f}: not told apart"
    low = f"below {first:,.0f}" if change["from"] <= first else f"{change['from']:,}"
    high = f"beyond {last:,.0f}" if change["to"] >= last else f"{change['to']:,}"
    return f"; their ranges overlap from {axis} {low} to {high}: it may be anywhere there"


def _curve(design: Design, axis: str, metric: str, first: int) -> tuple[Along, Band | None]:
    """A design's metric and the ends of its range, if the metric has one, as functions of axis values."""

    @cache
    def totals(value: int) -> Mapping[str, float]:
        sizes: dict[str, Any] = {axis: value}
        at = replace(design, **sizes)
        found = estimate_of(at)
        return {**found.totals, **rates(at, found)}

    def of(name: str) -> Along:
        def known(total: Mapping[str, float]) -> float:
            return total[require(f"total on {design.device}", name, total)]

        return lambda values: np.array([known(totals(int(value))) for value in values])

    low, high = ends(metric)
    device = inputs.device(design.device)
    band = (of(low), of(high)) if low in totals(first) else None
    if band and design.precision != PER_LAYER and metric == "latency_s" and isinstance(device, Gpu):
        shape = {name: value for name, value in design.shape.items() if name != axis}
        band = latency_band(axis, design.spelled, design.precision, device, strategy_text=design.strategy, shape=shape)
    quick = design.precision != PER_LAYER and metric not in RATES
    return (_quick(design, axis, metric) if quick else of(metric)), band


def _quick(design: Design, axis: str, metric: str) -> Along:
    """A total of a design with one precision, many values at once."""
    shape = {name: value for name, value in design.shape.items() if name != axis}
    device = inputs.device(design.device)
    return along(
        axis, design.spelled, design.precision, device, strategy_text=design.strategy, metric=metric, shape=shape
    )


def _times(curve: Along, sign: float) -> Along:
    return lambda at: sign * curve(at)
