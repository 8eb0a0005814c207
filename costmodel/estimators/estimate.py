"""The face over the cost models: one workload, at a precision, on a device."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import fpga
from costmodel.estimators.assignment import Assignment, named, passing, per_op, written
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.evaluate import as_run, evaluate, latency_interval, require_pipes
from costmodel.estimators.fit import in_l2
from costmodel.estimators.footprint import FOOTPRINT, footprint_bytes, optimizer_bytes, peak_activation_bytes
from costmodel.estimators.fpga import Array, Design, built, folding_check, overlay
from costmodel.estimators.supported import require_code_bits, require_supported
from costmodel.estimators.traffic import trained_bytes
from costmodel.hardware import Cpu, Device, Fpga, Gpu
from costmodel.precision import Precision
from costmodel.record import stack
from costmodel.workload import Workload

FLOATS = ("conversions to and from the floats that layers are stated to write, in place of what is read",)
"""Left out of a dataflow, whose units pass integers and narrow floats on."""


def estimate(
    workload: Workload,
    precision: Assignment,
    device: Device,
    *,
    folding: Design | None = None,
    design: Callable[[Workload, Precision, Fpga], Design] = fpga.fold,
) -> Estimate:
    """Estimate every op of a workload at one precision, or at one by layer, on a device.

    An FPGA needs a `folding`: PE and SIMD a layer, or an Array that all layers share. Without one `design` lays it out:
    `fpga.fold` as its fastest balanced dataflow, `fpga.overlay.fit` on the fastest array.
    ValueError names the math pipe that the device lacks, UnsupportedError what it has no link or decoder for,
    and the layer whose codes have other bits than its weight format;
    TypeError what is no workload or device.
    """
    _require_kinds(workload, device, folding)
    require_supported(workload, device)
    precision, floats = _passed(workload, precision, device)
    precisions = _per_op(workload, precision)
    batch = stack(precisions)
    if isinstance(device, Fpga):
        fpga.check(workload, precisions)
        batch = stack(carried := _carried(workload, precisions, precision))
        precisions = tuple(replace(c, output=p.output) for c, p in zip(carried, precisions, strict=True))
        folding = _placed(workload, folding or design(workload, batch, device))
    run, resident = stack(as_run(workload.ops, device)), in_l2(footprint_bytes(workload, batch), device)
    columns = {
        name: np.array(np.broadcast_to(column, len(workload.ops)))
        for name, column in evaluate(device, run, batch, folding, resident=resident).items()
    }
    correlation = columns.pop("correlation", None)
    if "energy_j" in columns and np.isnan(columns["energy_j"]).all():
        # the device's node or memory is not in the energy tables: absent, not a guess, and Estimate.assumed says so
        columns = {name: column for name, column in columns.items() if not name.startswith("energy_")}
    require_pipes(workload.ops, precisions, columns, device)
    uncounted = (*workload.uncounted, *floats, *_uncounted(workload, device, folding))
    totals = _totals(workload, batch, columns) | _of_design(columns, workload, batch, device, folding)
    if correlation is not None:
        ends = latency_interval(workload.ops, precisions, columns, correlation)
        totals |= dict(zip(("latency_low_s", "latency_high_s"), ends, strict=True))
        if "energy_j" in totals and isinstance(device, Gpu):
            totals["power_w"] = totals["energy_j"] / totals["latency_s"]
    return Estimate(workload, precisions, device, columns, totals, uncounted)


def _passed(workload: Workload, assignment: Assignment, device: Device) -> tuple[Assignment, tuple[str, ...]]:
    """The assignment with the results that a device's units pass on, and what that leaves out."""
    if not isinstance(device, Fpga):
        return assignment, ()
    found = passing(assignment, fpga.written)
    return found, FLOATS * (len(written(workload, assignment)) > len(written(workload, found)))


def _uncounted(workload: Workload, device: Device, folding: Design | None) -> tuple[str, ...]:
    """What no model of an FPGA covers."""
    if not isinstance(device, Fpga):
        return ()
    units = None if isinstance(folding, Array) else folding
    return fpga.unskipped(workload, units) + fpga.uncounted(workload, dataflow=units is not None)


def _carried(workload: Workload, precisions: tuple[Precision, ...], assignment: Assignment) -> tuple[Precision, ...]:
    return fpga.carried(workload, precisions, named(workload, assignment), written(workload, assignment))


def _per_op(workload: Workload, precision: Assignment) -> tuple[Precision, ...]:
    found = per_op(workload, precision)
    require_code_bits(workload.ops, found)
    return found


def _placed(workload: Workload, laid: Design) -> Design:
    if isinstance(laid, Array):
        return laid
    folding_check.require(workload, laid)
    return fpga.placed(workload, laid)


def _require_kinds(workload: object, device: object, folding: Design | None) -> None:
    """TypeError with the call that makes the right object of a likely wrong one; a folding is for an FPGA alone."""
    if not isinstance(workload, Workload):
        made = "cm.decode(model) or cm.prefill(model)" if hasattr(workload, "causal") else "cm.zoo.build(name)"
        raise TypeError(f"estimate takes a Workload, as {made} gives, got a {type(workload).__name__}")
    if not isinstance(device, Gpu | Cpu | Fpga):
        raise TypeError(f"estimate takes a device, as cm.device('a100_sxm') gives, got {device!r}")
    if folding is not None and not isinstance(device, Fpga):
        raise ValueError(f"a folding is for an FPGA, and {device.name} is none")


def _of_design(
    columns: Mapping[str, NDArray[Any]],
    workload: Workload,
    precision: Precision,
    device: Device,
    folding: Design | None,
) -> dict[str, float]:
    """Totals of a network on an FPGA that are no sums over its layers; none on another device."""
    if folding is None or not isinstance(device, Fpga):
        return {}
    if isinstance(folding, Array):
        return overlay.totals(columns, workload, device, folding)
    sums = {name: float(columns[name].sum()) for name in ("lut", "lut_high", "ff", "bram18")}
    return fpga.totals(columns, workload, precision, device, folding) | built.intervals(sums)


def _totals(workload: Workload, precision: Precision, columns: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    additive = {n: float(c.sum()) for n, c in columns.items() if c.dtype.kind == "f" and n != "cycles"}
    additive["peak_activation_bytes"] = peak_activation_bytes(workload, precision)
    if workload.phase == "training":
        additive["gradient_bytes"] = float(np.sum(trained_bytes(workload.batch_of_ops, precision)))
        additive["optimizer_bytes"] = float(np.sum(optimizer_bytes(workload.batch_of_ops, precision)))
    additive["footprint_bytes"] = sum(additive.get(part, 0.0) for part in FOOTPRINT)
    return additive
