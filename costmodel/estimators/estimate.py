"""The face over the cost models: one workload, at a precision, on a device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import display
from costmodel.estimators import (
    dram_floor,
    energy,
    fpga,
    gpu_latency,
    operation_latency,
    power_prediction,
    roofline,
    traffic,
    uncertainty,
)
from costmodel.estimators.assignment import Assignment, named, per_op
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.fit import in_l2
from costmodel.estimators.footprint import FOOTPRINT, footprint_bytes, optimizer_bytes, peak_activation_bytes
from costmodel.estimators.fpga import Array, Design, built, folding_check, overlay
from costmodel.estimators.fusion import fuse
from costmodel.hardware import Cpu, Device, Fpga, Gpu
from costmodel.precision import PIPES, Precision
from costmodel.record import Real, mesh, stack
from costmodel.workload import Op, Workload

Columns = dict[str, Real]

SHOWN_LAYERS = 8
SHOWN_COLUMNS = (
    "name", "kind", "precision", "latency_s", "bound", "macs", "weight_bytes", "bytes_moved", "energy_j", "lut", "dsp",
    "bram18",
)  # fmt: skip
"""What a notebook shows of the layers."""


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a workload costs: per-op `columns` (arrays in op order) and `totals`; a quantity not modelled is absent.

    Each column reads as an attribute too: `estimate.latency_s` is an array over ops, `totals["latency_s"]` its sum.
    """

    workload: Workload
    precisions: tuple[Precision, ...]
    device: Device
    columns: Mapping[str, NDArray[Any]]
    totals: Mapping[str, float]
    uncounted: tuple[str, ...]

    def __getattr__(self, name: str) -> NDArray[Any]:
        if not name.startswith("_") and name in self.columns:
            return self.columns[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}; its columns are {sorted(self.columns)}")

    @property
    def ttft_s(self) -> float:
        """Time to first token: the latency of a prefill pass."""
        return self._of_phase("prefill")

    @property
    def tpot_s(self) -> float:
        """Time per output token: the latency of a decode pass."""
        return self._of_phase("decode")

    @property
    def latency_sources(self) -> dict[str, float]:
        """Share of the summed latency by source: calibrated, transferred, spec, fitted roofline, fused."""
        words = np.array([str(source).split(" (")[0] for source in self.columns["source"]])
        latency_s = self.columns["latency_s"]
        return {str(w): float(latency_s[words == w].sum() / latency_s.sum()) for w in np.unique(words)}

    @property
    def mfu(self) -> float:
        """Useful FLOPs over the dense peak of the first layer's pipe, for the whole pass."""
        if isinstance(self.device, Fpga):
            raise ValueError("mfu needs a GPU or CPU: an FPGA has no fixed peak")
        weighted = next(
            (p for p, op in zip(self.precisions, self.workload.ops, strict=True) if op.macs), self.precisions[0]
        )
        return float(self.totals["flops"] / self.totals["latency_s"] / self.device.flops_per_s(weighted))

    @property
    def mbu(self) -> float:
        """Bytes moved over what the memory could move in that time."""
        return float(self.totals["bytes_moved"] / self.totals["latency_s"] / self.device.memory_bytes_per_s)

    def table(self) -> list[dict[str, float | str]]:
        """One row an op: its name, kind, precision and every column."""
        rows: list[dict[str, float | str]] = []
        for i, op in enumerate(self.workload.ops):
            row: dict[str, float | str] = {"name": op.name, "kind": op.kind, "precision": self.precisions[i].name}
            row |= {name: column[i].item() for name, column in self.columns.items()}
            rows.append(row)
        return rows

    def _of_phase(self, phase: str) -> float:
        if self.workload.phase != phase:
            raise ValueError(f"this is the estimate of a {self.workload.phase} pass, not of a {phase} pass")
        return self.totals["latency_s"]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.6g}" for name, value in self.totals.items())
        return f"<Estimate of {self.workload.name} on {self.device.name}: {told}>"

    def _repr_html_(self) -> str:
        about = f"{self.workload.name} ({self.workload.phase}, batch {self.workload.batch}) on {self.device.name}"
        missing = f"Not counted: {', '.join(self.uncounted)}" if self.uncounted else ""
        totals = display.card(about, self.totals, notes=(self.workload.covers, missing))
        rows = sorted(self.table(), key=lambda row: -float(row["latency_s"]))[:SHOWN_LAYERS]
        columns = [c for c in SHOWN_COLUMNS if any(row.get(c) for row in rows)]
        title = f"The {len(rows)} slowest of {len(self.workload.ops)} ops; .table() has all, with every column"
        return totals + display.table(title, rows, columns)


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
    ValueError names the math pipe that the device lacks, TypeError what is no workload or device.
    """
    _require_kinds(workload, device, folding)
    precisions = per_op(workload, precision)
    batch = given = stack(precisions)
    if isinstance(device, Fpga):
        fpga.check(workload, precisions)
        batch = stack(precisions := fpga.carried(workload, precisions, named(workload, precision)))
        folding = _placed(workload, folding or design(workload, batch, device))
    run, resident = stack(_as_run(workload.ops, device)), in_l2(footprint_bytes(workload, batch), device)
    columns = {
        name: np.array(np.broadcast_to(column, len(workload.ops)))
        for name, column in evaluate(device, run, batch, folding, resident=resident).items()
    }
    correlation = columns.pop("correlation", None)
    if "energy_j" in columns and np.isnan(columns["energy_j"]).all():
        del columns["energy_j"]  # the device's node or memory is not in the energy tables: absent, not a guess
    require_pipes(workload.ops, precisions, columns, device)
    uncounted = workload.uncounted
    if isinstance(device, Fpga):
        units = None if isinstance(folding, Array) else folding
        uncounted += fpga.unskipped(workload, units) + fpga.uncounted(workload, dataflow=units is not None)
    totals = _totals(workload, given, columns) | _of_design(columns, workload, batch, device, folding)
    if correlation is not None:
        ends = _latency_interval(workload.ops, precisions, columns, correlation)
        totals |= dict(zip(("latency_low_s", "latency_high_s"), ends, strict=True))
        if "energy_j" in totals and isinstance(device, Gpu):
            totals["power_w"] = totals["energy_j"] / totals["latency_s"]
    return Estimate(workload, precisions, device, columns, totals, uncounted)


def grid(
    ops: Sequence[Op], precisions: Sequence[Precision], device: Device, *, folding: Design | None = None,
    resident: bool = False,
) -> Columns:  # fmt: skip
    """Evaluate every op at every precision: arrays [ops, precisions], nan latency where the device lacks a pipe.

    This is the slice that allocation optimises over. `resident` as in `evaluate`.
    """
    op_axis, precision_axis = mesh(_as_run(ops, device), precisions)
    columns = evaluate(device, op_axis, precision_axis, folding.column() if folding else None, resident=resident)
    return {name: column for name, column in columns.items() if name != "correlation"}


@singledispatch
def evaluate(
    device: Device, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False,  # noqa: ARG001
) -> Columns:  # fmt: skip
    """Return the columns of one op or a batch on a device; all arguments broadcast.

    `resident` says that the whole pass fits a GPU's L2; else its weights come from DRAM.
    """
    raise TypeError(f"no cost model for a {type(device).__name__}")


@evaluate.register
def _(device: Gpu, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False) -> Columns:  # noqa: ARG001
    found = gpu_latency.predict(op, precision, device)
    found = dram_floor.raised(found, op, precision, device, resident=resident)
    columns = _counts(op, precision)
    columns["bytes_moved"] = traffic.bytes_moved(op, precision)
    columns |= {"latency_s": found.latency_s, "latency_low_s": found.low_s, "latency_high_s": found.high_s}
    columns["roofline_s"] = roofline.latency_s(op, precision, device)
    columns |= power_prediction.energy_j(op, precision, device, found)
    columns |= {"bound": found.bound, "extrapolated": found.extrapolated, "source": found.how}
    return columns | {"correlation": found.correlation}


@evaluate.register
def _(device: Cpu, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False) -> Columns:  # noqa: ARG001
    columns = _counts(op, precision)
    columns["bytes_moved"] = traffic.bytes_moved(op, precision)
    columns["energy_j"] = energy.energy_j(op, precision, device)
    fits = operation_latency.fits_of(device)
    if not fits:
        columns["latency_s"] = roofline.latency_s(op, precision, device)
        return columns | {"bound": roofline.bound(op, precision, device), "source": np.array("roofline")}
    found = operation_latency.predict(op, precision, device, fits)
    columns |= {"latency_s": found.latency_s, "latency_low_s": found.low_s, "latency_high_s": found.high_s}
    columns["roofline_s"] = roofline.latency_s(op, precision, device)
    columns |= {"bound": found.bound, "extrapolated": found.extrapolated, "source": found.how}
    return columns | {"correlation": found.correlation}


@evaluate.register(Fpga)
def _(device: Fpga, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False) -> Columns:  # noqa: ARG001
    if folding is None:
        raise ValueError("an FPGA's costs need a folding")
    if isinstance(folding, Array):
        return _counts(op, precision) | overlay.evaluate(op, precision, device, folding)
    return _counts(op, precision) | fpga.evaluate(op, precision, device, folding)


def interval(ops: Sequence[Op], precisions: Sequence[Precision], columns: Columns) -> tuple[float, float]:
    """The 90 % interval of the summed latency of evaluated ops, nan where their device's latency has none."""
    if "correlation" not in columns:
        return float("nan"), float("nan")
    flat = {name: np.array(np.broadcast_to(column, len(ops))) for name, column in columns.items()}
    return _latency_interval(ops, precisions, flat, flat["correlation"])


def _placed(workload: Workload, laid: Design) -> Design:
    if isinstance(laid, Array):
        return laid
    folding_check.require(workload, laid)
    return fpga.placed(workload, laid)


def _as_run(ops: Sequence[Op], device: Device) -> Sequence[Op]:
    return fuse(ops) if isinstance(device, Gpu) else ops


def _latency_interval(
    ops: Sequence[Op],
    precisions: Sequence[Precision],
    columns: Mapping[str, NDArray[Any]],
    correlation: NDArray[np.float64],
) -> tuple[float, float]:
    """Interval of the summed latency: within a source by its errors' correlation, between sources as if all one."""
    alike: dict[tuple[Op, str], int] = {}
    keys = ((replace(op, name="", inputs=(), count=1.0), p.name) for op, p in zip(ops, precisions, strict=True))
    same = np.array([alike.setdefault(key, len(alike)) for key in keys])
    parts = []
    for source in np.unique(columns["source"]):
        at = np.flatnonzero(columns["source"] == source)
        middle, low, high = (columns[name][at] for name in ("latency_s", "latency_low_s", "latency_high_s"))
        parts.append(uncertainty.total(middle, low, high, same[at], float(correlation[at[0]])))
    return float(sum(low for low, _ in parts)), float(sum(high for _, high in parts))


def _counts(op: Op, precision: Precision) -> Columns:
    return {
        "params": op.params,
        "macs": op.macs,
        "flops": op.flops,
        "vector_flops": op.count * op.vector_flops,
        "bops": traffic.bops(op, precision),
        "weight_bytes": traffic.weight_bytes(op, precision),
        "kv_bytes": traffic.kv_bytes(op, precision),
    }


def _require_kinds(workload: object, device: object, folding: Design | None) -> None:
    """TypeError with the call that makes the right object of a likely wrong one; a folding is for an FPGA alone."""
    if not isinstance(workload, Workload):
        made = "cm.decode(model) or cm.prefill(model)" if hasattr(workload, "causal") else "cm.zoo.build(name)"
        raise TypeError(f"estimate takes a Workload, as {made} gives, got a {type(workload).__name__}")
    if not isinstance(device, Gpu | Cpu | Fpga):
        raise TypeError(f"estimate takes a device, as cm.device('a100_sxm') gives, got {device!r}")
    if folding is not None and not isinstance(device, Fpga):
        raise ValueError(f"a folding is for an FPGA, and {device.name} is none")


def require_pipes(
    ops: tuple[Op, ...], precisions: tuple[Precision, ...], columns: Mapping[str, NDArray[Any]], device: Device
) -> None:
    """ValueError names the first op whose latency is nan, and the pipe that the device lacks for it."""
    lacking = np.flatnonzero(np.isnan(columns["latency_s"]))
    if lacking.size and isinstance(device, Gpu | Cpu):
        op, used = ops[lacking[0]], precisions[lacking[0]]
        pipe = used.math_pipe if op.weight_elements else attention_pipe(used, device)
        has = [p for p in PIPES if not np.isnan(getattr(device.peak_flops, p))]
        hint = "" if op.weight_elements else "; name another KV format, as in int8/int8/fp16"
        raise ValueError(
            f"{device.name} has no {pipe} pipe, which {op.name} needs at {used.name}; it has {', '.join(has)}{hint}"
        )


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
        additive["gradient_bytes"] = additive["weight_bytes"]
        additive["optimizer_bytes"] = float(np.sum(optimizer_bytes(workload.batch_of_ops, precision)))
    additive["footprint_bytes"] = sum(additive.get(part, 0.0) for part in FOOTPRINT)
    return additive
