"""The stable shape of results: what --json prints, files hold and pages read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from app.designs import spoken
from app.text import label
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.fit import RESOURCES, beyond, in_memory
from costmodel.hardware import Device, Fpga, Gpu
from costmodel.workload import Op, Window, Workload

COUNTING = {"flops": "2 per MAC, as in torch", "attention": "all query x key scores, masked ones included"}
LATENCY = (
    "kernels one after another, launched as from a CUDA graph; pointwise ops and folded norms cost what traffic is left"
    " to them within the kernel before; low and high hold 90 %; bound names the larger term of the roofline,"
    " compute or memory, latency where neither rate is reached to a fifth (launches, waits, unfilled units), or link"
    " (exchanges of GPUs)"
)
"""What a GPU's latency assumes."""


def as_dict(found: Estimate, *, model: str, device: str, precision: str) -> dict[str, Any]:
    """Return an estimate as {"model", "device", "precision", "totals", "layers", "uncounted", ...}."""
    return {
        "model": model,
        "device": device,
        "precision": precision,
        "phase": found.workload.phase,
        "batch": found.workload.batch,
        "counting": _counting(found),
        "totals": dict(found.totals),
        **fitting(found.totals, found.device),
        **({} if isinstance(found.device, Fpga) else {"latency_sources": found.latency_sources}),
        "layers": found.table(),
        "uncounted": list(found.uncounted),
    }


def _counting(found: Estimate) -> dict[str, str]:
    covers = {"pass": found.workload.covers} if found.workload.covers else {}
    return COUNTING | covers | ({"latency": LATENCY} if isinstance(found.device, Gpu) else {})


NO_RANGES: Mapping[str, Any] = MappingProxyType({})


def layers(found: Estimate, ranges: Mapping[str, Any] = NO_RANGES) -> list[dict[str, Any]]:
    """Return a row an op: its estimate, its formats' bits, the b, k and n of its products with weights, the window that
    it slides over so many channels.

    Its input's calibrated range is input_low and input_high where `ranges` has it: Range by layer.
    """
    rows: list[dict[str, Any]] = [dict(row) for row in found.table()]
    for row, op, precision in zip(rows, found.workload.ops, found.precisions, strict=True):
        if op.row_elements:
            row["row_elements"] = op.row_elements
        elif op.weight_elements:
            row |= {"b": op.b, "k": op.k, "n": op.n}
        if op.shares:
            row["shares"] = op.shares
        if op.window != Window():
            row["channels"] = _channels(op, found.workload.batch)
            row["window"] = asdict(op.window)
        row["weight_bits"] = precision.weight.bits_per_element
        row["activation_bits"] = precision.activation.bits_per_element
        if op.name in ranges:
            row |= {"input_low": ranges[op.name].low, "input_high": ranges[op.name].high}
    return rows


def _channels(op: Op, batch: int) -> int:
    """Channels of the images that an op's window slides over."""
    pixels = batch * op.window.input_height * op.window.input_width
    return round(float(op.input_elements / pixels))


STATED = "as the file states"
DEFAULT = "bf16"
"""The precision of a model that states none."""


def assignment(workload: Workload, precision: str | None, edits: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return {"*": precision} with each LAYER=PRECISION edit, as `costmodel.estimate` reads it, and its name.

    Without a precision, what the model's file states of its layers that are still there, or bf16.
    """
    there = {"*", *(op.name for op in workload.ops)}
    stated = {layer: held for layer, held in workload.stated if layer in there} if precision is None else {}
    precision = precision or (STATED if stated else DEFAULT)
    chosen = stated or {"*": precision}
    for edit in edits:
        pattern, equals, value = edit.partition("=")
        if not equals:
            raise ValueError(f"--assign must be LAYER=PRECISION, got {edit!r}")
        chosen.pop(pattern, None)
        chosen[pattern] = value
    return chosen, precision


def at(precision: str) -> str:
    """A precision as a title has it: "at w4a16", or "as the file states"."""
    return precision if precision == STATED else f"at {precision}"


def share(resource: str, amount: float, device: Device) -> str:
    """Return how much of a device's memory, or of an FPGA's LUT, FF, DSP, BRAM or URAM, an amount is, "" otherwise."""
    if resource == "footprint_bytes" and not isinstance(device, Fpga):
        return f"{amount / device.memory_bytes:.0%}" + " (does not fit)" * (not in_memory(amount, device))
    available = getattr(device, resource, None) if isinstance(device, Fpga) and resource in RESOURCES else None
    if available is None:
        return ""
    if not available:
        return "has none"
    return f"{amount / available:.0%}" + (" (does not fit)" if amount > available else "")


def fitting(totals: Mapping[str, float], device: Device) -> dict[str, Any]:
    """Return whether a design fits its device, and of what it takes more than there is {resource: share}."""
    over = beyond(totals, device)
    return {"fits": not over, "beyond": over}


def misfit(design: Mapping[str, Any]) -> str:
    """What a design takes too much of, as `block RAMs 832%`; "" where it fits, or where that is not known."""
    beyond: Mapping[str, float | None] = design.get("beyond") or {}
    told = {spoken(name): "(it has none)" if share is None else f"{share:.0%}" for name, share in beyond.items()}
    return ", ".join(f"{name} {share}" for name, share in told.items())


def unfit(result: Mapping[str, Any], what: str) -> list[str]:
    """A sentence on a design that its device cannot hold, with why there is none that it can, where one was sought."""
    if not (beyond := misfit(result)):
        return []
    why = str(result.get("unfit_because", "")).replace("no plan meets", "No plan that fits meets", 1)
    told = f"{what} does not fit {result['device']} ({beyond}): no such design can run, whatever its figures say."
    return [f"{told} {why}." if why else told]


def broken(design: Mapping[str, Any], budgets: Sequence[str]) -> str:
    """The metrics of which a design does not keep the budgets, "" where it keeps all that it tells."""
    from dse.metric import parse_budget

    totals = {**design["totals"], "loss": design["loss"]}
    asked = [parse_budget(text) for text in budgets]
    names = [b.metric.name for b in asked if b.metric.name in totals and not b.met(totals[b.metric.name])]
    return ", ".join(dict.fromkeys(names))


FIXED = "not chosen: each layer had one format to take"
"""What `fixed` of a result says: there was nothing that a plan could be the optimum of."""


def sure(result: Mapping[str, Any]) -> str:
    """How sure the plan of a result is, in words."""
    from dse.plan import certainty

    if "fixed" in result:
        return str(result["fixed"])
    within, interrupted = result.get("proven_within", ""), result.get("interrupted", False)
    return certainty(result["proven"], result["gap"], within, interrupted=interrupted)


def sources(rows: Sequence[Mapping[str, Any]]) -> str:
    """Where the layers' latencies and energies come from by share, or an FPGA's LUTs: its latency is a formula of
    cycles."""
    if any("lut" in row for row in rows):
        return _shares(rows, "lut", "source")
    told = [_shares(rows, name, of) for name, of in (("latency_s", "source"), ("energy_j", "energy_source"))]
    return ". ".join(filter(None, told))


def _shares(rows: Sequence[Mapping[str, Any]], metric: str, of: str) -> str:
    by: dict[str, float] = {}
    for row in rows:
        source = str(row.get(of, "formula")).split(" (")[0]
        by[source] = by.get(source, 0.0) + float(row.get(metric) or 0.0)
    whole = sum(by.values())
    shares = [
        f"{v / whole:.0%} {s}" for s, v in sorted(by.items(), key=lambda e: -e[1]) if whole and v / whole >= 0.005
    ]
    return f"{label(metric)}: {', '.join(shares)}" if shares else ""
