"""The columns of ops on a device: every cost model that there is for its kind, one op or a batch of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import singledispatch
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import (
    compute_floor,
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
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.fpga import Array, Design, overlay
from costmodel.estimators.passed_on import spread
from costmodel.estimators.prediction import Prediction
from costmodel.estimators.reuse import on_gpu
from costmodel.hardware import Cpu, Device, Fpga, Gpu
from costmodel.precision import PIPES, Precision
from costmodel.record import Real, mesh
from costmodel.workload import Op
from costmodel.workload.op import NAMES

Columns = dict[str, Real]

WORK = attrgetter(*(f.name for f in fields(Op) if f.name not in (*NAMES, "count")))
"""What one execution of an op is: all but its name, its place and how often it runs."""


def grid(
    ops: Sequence[Op], precisions: Sequence[Precision], device: Device, *, folding: Design | None = None,
    resident: bool = False,
) -> Columns:  # fmt: skip
    """Evaluate every op at every precision: arrays [ops, precisions], nan latency where the device lacks a pipe.

    This is the slice that allocation optimises over. `resident` as in `evaluate`.
    """
    op_axis, precision_axis = mesh(as_run(ops, device), precisions)
    if not isinstance(device, Fpga):
        precision_axis = spread(ops, precisions)
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
    found = compute_floor.raised(gpu_latency.predict(op, precision, device), op, precision, device)
    found = dram_floor.raised(found, op, precision, device, resident=resident)
    columns = _counts(op, precision)
    columns["bytes_moved"] = traffic.bytes_moved(op, precision)
    columns |= {"latency_s": found.latency_s, "latency_low_s": found.low_s, "latency_high_s": found.high_s}
    columns["roofline_s"] = roofline.latency_s(op, precision, device)
    columns |= power_prediction.energy_j(op, precision, device, found)
    columns |= {"bound": _bound(op, precision, device, found), "extrapolated": found.extrapolated, "source": found.how}
    return columns | {"correlation": found.correlation}


@evaluate.register
def _(device: Cpu, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False) -> Columns:  # noqa: ARG001
    columns = _counts(op, precision)
    columns["bytes_moved"] = traffic.bytes_moved(op, precision)
    columns |= energy.columns(op, precision, device)
    fits = operation_latency.fits_of(device)
    if not fits:
        columns["latency_s"] = roofline.latency_s(op, precision, device)
        return columns | {"bound": roofline.bound(op, precision, device), "source": np.array("roofline")}
    found = operation_latency.predict(op, precision, device, fits)
    columns |= {"latency_s": found.latency_s, "latency_low_s": found.low_s, "latency_high_s": found.high_s}
    columns["roofline_s"] = roofline.latency_s(op, precision, device)
    columns |= {"bound": _bound(op, precision, device, found), "extrapolated": found.extrapolated, "source": found.how}
    return columns | {"correlation": found.correlation}


@evaluate.register(Fpga)
def _(device: Fpga, op: Op, precision: Precision, folding: Design | None, *, resident: Real = False) -> Columns:  # noqa: ARG001
    if folding is None:
        raise ValueError("an FPGA's costs need a folding")
    if isinstance(folding, Array):
        return _counts(op, precision) | overlay.evaluate(op, precision, device, folding)
    return _counts(op, precision) | fpga.evaluate(op, precision, device, folding)


def _bound(op: Op, precision: Precision, device: Gpu | Cpu, found: Prediction) -> Real:
    """What holds each op back: a link's waits as predicted, nothing where no time is taken, else by the roofline."""
    told = np.isin(found.bound, ("link", "none", ""))
    return np.where(told, found.bound, roofline.bound(op, precision, device, found.latency_s))


def interval(ops: Sequence[Op], precisions: Sequence[Precision], columns: Columns) -> tuple[float, float]:
    """The 90 % interval of the summed latency of evaluated ops, nan where their device's latency has none."""
    if "correlation" not in columns:
        return float("nan"), float("nan")
    flat = {name: np.array(np.broadcast_to(column, len(ops))) for name, column in columns.items()}
    return latency_interval(ops, precisions, flat, flat["correlation"])


def latency_interval(
    ops: Sequence[Op],
    precisions: Sequence[Precision],
    columns: Mapping[str, NDArray[Any]],
    correlation: NDArray[np.float64],
) -> tuple[float, float]:
    """Interval of the summed latency: within a source by its errors' correlation, between sources as if all one."""
    alike: dict[tuple[object, ...], int] = {}
    keys = ((*WORK(op), p.name) for op, p in zip(ops, precisions, strict=True))
    same = np.array([alike.setdefault(key, len(alike)) for key in keys])
    parts = []
    for source in sorted(set(columns["source"].tolist())):
        at = np.flatnonzero(columns["source"] == source)
        middle, low, high = (columns[name][at] for name in ("latency_s", "latency_low_s", "latency_high_s"))
        parts.append(uncertainty.total(middle, low, high, same[at], float(correlation[at[0]])))
    return float(sum(low for low, _ in parts)), float(sum(high for _, high in parts))


def as_run(ops: Sequence[Op], device: Device) -> Sequence[Op]:
    """The ops as a device runs them: on a GPU some within the kernel of another."""
    return on_gpu(ops) if isinstance(device, Gpu) else ops


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
