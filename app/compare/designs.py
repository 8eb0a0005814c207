"""Designs estimated for a comparison: each metric with its range and source, and layers summed by kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app import ranges
from app.compare import by_layer
from app.compare.question import PER_LAYER, Design
from app.explore.opened import rates as examples
from app.web import inputs, uploads
from app.web.spelling import words
from costmodel import models
from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.hardware import Fpga
from costmodel.precision import precision
from costmodel.strategies import strategy
from dse.curves import ends
from dse.noise import loss_of
from dse.run_ranges import source

SHOWN = (
    "loss", "latency_s", "examples_per_s", "tokens_per_s", "energy_j", "power_w", "weight_bytes", "footprint_bytes",
    "kv_bytes", "bytes_moved", "macs", "bops", "lut", "ff", "dsp", "bram18", "uram",
)  # fmt: skip
PARTS = ("latency_s", "busy_s", "energy_j", "bytes_moved", "weight_bytes", "macs", "lut", "dsp", "bram18")
"""Metrics that layers are summed in by kind: of a pipeline, whose stages work at once, not the latency."""
RATES = {"examples_per_s": "latency_s", "tokens_per_s": "latency_s"}
"""Metrics whose range and source are those of another one."""

Record = Mapping[str, Any]


def estimate_of(design: Design) -> Estimate:
    """Estimate a design; ValueError where its device cannot run it, or its plan is of another network's layers."""
    workload = strategy(design.strategy)(models.load(design.spelled, **design.shape))
    device = inputs.device(design.device)
    if design.precision != PER_LAYER:
        return estimate(workload, design.precision, device)
    pruned, chosen = by_layer.applied(design.layers, workload)
    lay = fpga.folded_for(precision(design.laid_for)) if design.laid_for else fpga.fold
    return estimate(pruned, chosen, device, design=lay)


def record(design: Design, name: str) -> Record:
    """Estimate a design; ValueError where its device cannot run it.

    Returns plain data: name, what (its values in words), layers {layer: precision} of one with a precision a layer,
    values {metric: {value, low, high, of, share, source}}, ranges (a sentence on low and high), kinds {metric: {kind of
    layer: sum}}, uncounted.
    """
    found = estimate_of(design)
    totals = {**found.totals, "loss": loss_of(found.workload, found.precisions), **rates(design, found)}
    has = [metric for metric in SHOWN if np.isfinite(totals.get(metric, np.nan))]
    values = {metric: _value(found, metric, totals) for metric in has}
    told = {
        "name": name,
        "what": _what(design, found),
        "uncounted": list(found.uncounted),
        "layers": _layers(design, found),
    }
    return told | {"values": values, "ranges": ranges.said(totals, has), "kinds": _kinds(found)}


def _layers(design: Design, found: Estimate) -> dict[str, str]:
    """The precision of each layer."""
    if design.precision == PER_LAYER:
        return dict(zip(found.workload.layers, by_layer.unpack(design.layers), strict=True))
    name = precision(design.precision).name
    return dict.fromkeys(found.workload.layers, name)


def names(designs: Sequence[Design]) -> list[str]:
    """A short name for each design: what differs among them, numbered where they are alike."""
    named = [f for f in Design.__dataclass_fields__ if f not in ("layers", "laid_for")]
    differing = [f for f in named if len({getattr(d, f) for d in designs}) > 1]
    told = [" ".join(_word(d, f) for f in differing if _word(d, f)) or d.precision for d in designs]
    return [t if told.count(t) == 1 else f"{t} ({told[: i + 1].count(t)})" for i, t in enumerate(told)]


def _model(design: Design) -> str:
    """A model by its name in the zoo, or that of its file."""
    return (
        uploads.name_of(design.model) if design.model.startswith(uploads.PREFIX) else design.model.removeprefix("zoo:")
    )


def _word(design: Design, field: str) -> str:
    value = getattr(design, field)
    if field == "model":
        return _model(design)
    if field in ("batch", "context", "resolution"):
        return f"{field} {value}" if value else ""
    return "" if value == "none" else str(value)


def _what(design: Design, found: Estimate) -> dict[str, str]:
    """A design's values in words, by what they are called."""
    has, asked = found.workload.context or design.context, design.context
    scaled = f", scaled from {asked:,}" if asked and has != asked else ""
    told = {
        "Model": _model(design),
        "Device": design.device,
        "Precision": _spoken(design),
        "Pass": design.phase,
        "Batch": f"{design.batch:,}",
        "Context": f"{has:,}{scaled}" if has else "",
        "Resolution": f"{design.resolution:,}" if design.resolution else "",
        "Strategy": "" if design.strategy == "none" else design.strategy,
    }
    return {name: value for name, value in told.items() if value}


def _spoken(design: Design) -> str:
    """A design's precision in words; of one a layer, how many layers have which."""
    if design.precision == PER_LAYER:
        laid = f", laid out for {design.laid_for}" if design.laid_for else ""
        return by_layer.summary(by_layer.unpack(design.layers)) + laid
    return f"{design.precision}: {words(design.precision, cached=bool(design.phase))}"


def rates(design: Design, found: Estimate) -> dict[str, float]:
    """Examples per second with their range, and tokens where a language model's pass reads or writes such."""
    rates = examples(found)
    tokens = 1 if design.phase == "decode" else found.workload.context
    if design.phase and tokens:
        rates |= {name.replace("examples", "tokens"): rate * tokens for name, rate in rates.items()}
    return rates


def _value(found: Estimate, metric: str, totals: Mapping[str, float]) -> dict[str, Any]:
    """A total with its range, which is `of` some kind, and share of the device where it has one, and its source."""
    value: dict[str, Any] = {"value": float(totals[metric]), "source": source(found, RATES.get(metric, metric))}
    low, high = (totals.get(end, np.nan) for end in ends(metric))
    if np.isfinite([low, high]).all():
        value |= {"low": float(low), "high": float(high), "of": ranges.short(metric, totals)}
    has = _available(found, metric)
    return value | ({"share": value["value"] / has} if has > 0 else {})


def _available(found: Estimate, metric: str) -> float:
    """How much of a resource the device has, 0 where the metric takes none."""
    if isinstance(found.device, Fpga):
        return float(getattr(found.device, metric)) if metric in ("lut", "ff", "dsp", "bram18", "uram") else 0.0
    return float(found.device.memory_bytes) if metric == "footprint_bytes" else 0.0


def _kinds(found: Estimate) -> dict[str, dict[str, float]]:
    """Layers summed by kind, {metric: {kind: sum}}; their times are the latency where they run one after another."""
    kinds = np.array([op.kind for op in found.workload.ops])
    columns = {name: np.nan_to_num(found.columns[name]) for name in PARTS if name in found.columns}
    columns["busy_s"] = columns["latency_s"]
    if isinstance(found.device, Fpga):
        del columns["latency_s"]
    sums = {name: {k: float(c[kinds == k].sum()) for k in dict.fromkeys(kinds.tolist())} for name, c in columns.items()}
    return {name: parts for name, parts in sums.items() if sum(parts.values()) > 0}
