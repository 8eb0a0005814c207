"""A metric of every design along an axis, and where one overtakes another."""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.compare.designs import names
from app.compare.question import Design, Question
from app.compare.verdicts import HIGHER_IS_BETTER
from app.text import label, quantity
from app.web import inputs
from costmodel.hardware import Fpga
from dse.crossover import Along, crossovers, points
from dse.curves import along

Curves = Mapping[str, Any]


def curves(question: Question, told: Callable[[float], Any] | None = None) -> Curves:
    """Evaluate a question's metric along its axis: plain data.

    {axis, metric, values: [N], series: [{name, values: [N]}], crossovers: [{at, before, after, value}]}; `told` gets
    the share that is done. ValueError where a design cannot take the axis.
    """
    values = points(question.low, question.high)
    found: dict[str, Along] = {}
    called = names(question.designs)
    for i, (name, design) in enumerate(zip(called, question.designs, strict=True)):
        found[name] = _curve(design, question.axis, question.metric)
        found[name](values)
        if told is not None:
            told((i + 1) / len(called) * 0.8)
    changes = _changes(found, values, -1.0 if question.metric in HIGHER_IS_BETTER else 1.0)
    shown = np.union1d(values, [change["at"] for change in changes])
    return {
        "axis": question.axis, "metric": question.metric, "values": shown.tolist(), "crossovers": changes,
        "series": [{"name": name, "values": curve(shown).tolist()} for name, curve in found.items()],
    }  # fmt: skip


def _changes(found: Mapping[str, Along], values: NDArray[np.float64], sign: float) -> list[dict[str, Any]]:
    """Where one of each pair of curves overtakes the other, in the order of the axis."""
    signed = {name: _times(curve, sign) for name, curve in found.items()}
    changes = [
        {"at": int(c.at), "before": c.before, "after": c.after, "value": sign * c.value}
        for a, b in combinations(signed, 2)
        for c in crossovers(signed[a], signed[b], values, names=(a, b), whole=True)
    ]
    return sorted(changes, key=lambda change: change["at"])


def sentences(found: Curves) -> list[str]:
    """The crossovers in words, or who leads all along."""
    axis, metric = found["axis"], found["metric"]
    if found["crossovers"]:
        return [
            f"{c['after']} overtakes {c['before']} at {axis} {c['at']:,} ({quantity(metric, c['value'])})"
            for c in found["crossovers"]
        ]
    better = max if metric in HIGHER_IS_BETTER else min
    leads = better(found["series"], key=lambda s: s["values"][0])["name"]
    first, last = (int(found["values"][i]) for i in (0, -1))
    return [f"No crossover from {axis} {first:,} to {last:,}: by {label(metric).lower()}, {leads} leads all along."]


def _curve(design: Design, axis: str, metric: str) -> Along:
    """A design's metric as a function of axis values; examples per second from its latency or throughput."""
    device = inputs.device(design.device)
    per_s = metric == "examples_per_s"
    column = metric if not per_s else "throughput_per_s" if isinstance(device, Fpga) else "latency_s"
    shape = {name: value for name, value in design.shape.items() if name != axis}
    curve = along(
        axis, design.spelled, design.precision, device, strategy_text=design.strategy, metric=column, shape=shape
    )
    if not per_s:
        return curve

    def rate(at: NDArray[np.float64]) -> NDArray[np.float64]:
        batch = at if axis == "batch" else np.float64(design.batch)
        return np.asarray(batch * curve(at) if isinstance(device, Fpga) else batch / curve(at))

    return rate


def _times(curve: Along, sign: float) -> Along:
    return lambda at: sign * curve(at)
