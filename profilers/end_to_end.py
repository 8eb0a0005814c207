"""Whole networks, predicted: what the passes that were measured take by the calibrations of their device."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.catalog import require
from costmodel.estimators.evaluate import evaluate, interval
from costmodel.estimators.gpu_latency import backends
from costmodel.estimators.reuse import on_gpu
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision, precision
from costmodel.record import stack
from costmodel.workload import Op
from costmodel.workload.training import training
from profilers.case import COMPILED, DTYPES, EAGER, FORWARD, NARROW, TRAINING, Case
from profilers.networks import beside, network
from profilers.networks.sides import fits

NARROW_BITS = 8

HOST_CALLS = {"fp8": 7, "int4": 6}
"""Calls that the host launches within such a layer's product, where they are no ops of their own."""

NEEDED = ("gpu", "network", "precision", "batch", "backend", "launched", "host_call_s", "latency_s")
"""Columns of measured passes that `predicted` reads."""

HOST_FACTOR = 2.5
"""How far the time of launching a network may lie from that of the probe's calls, either way. A judgement: beside an
H100 the same network took 4 and 8 ms to launch in two formats."""


def are_passes(rows: pd.DataFrame) -> bool:
    """Whether rows are of whole networks, by their columns."""
    return {"network", "launched"} <= {*rows.columns}


def check(rows: pd.DataFrame) -> None:
    """ValueError in one line where `predicted` cannot take rows: a column is missing, or a name unknown."""
    missing = [name for name in NEEDED if name not in rows.columns]
    if missing:
        raise ValueError(f"whole passes need the columns {', '.join(NEEDED)}; {', '.join(missing)} are missing")
    for name in rows["network"].unique():
        network(str(name))
    for column, names in (("precision", {**DTYPES, **NARROW}), ("run", (FORWARD, TRAINING))):
        for name in rows[column].unique() if column in rows.columns else ():
            require(column, str(name), names)
    for name in rows["gpu"].unique():
        hardware.processor(str(name))
    for column in ("latency_s", "batch"):
        if not (pd.to_numeric(rows[column], errors="coerce") > 0).all():
            raise ValueError(f"{column} must be above 0 in every row")


def predicted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `predicted_s`, `low_s`, `high_s` and `error`, by the calibrations of their device.

    Every op is a call of its own, as eager PyTorch runs it: nothing fused but where the backend compiles, and then as
    `estimate` fuses. Calls that the host launches take `host_call_s` each at least. Fits of the rows' `backend` are
    taken where there are any, else the device's pooled ones. Rows without `run` are forward passes.
    """
    if not len(rows):
        return rows
    columns: dict[str, list[float]] = {"predicted_s": [], "low_s": [], "high_s": []}
    cases: dict[tuple[Any, ...], tuple[list[Op], list[Precision], float, float, float]] = {}
    for record in rows.to_dict("records"):
        case = (
            *(record[name] for name in ("gpu", "backend", "network", "precision", "batch")),
            record.get("run", FORWARD),
        )
        if case not in cases:
            cases[case] = _case(*case)
        calls, used, total, low, high = cases[case]
        launches = sum(float(op.count) for op in calls)
        narrowed = sum(float(op.count) for op, p in zip(calls, used, strict=True) if p.weight.bits <= NARROW_BITS)
        launches += HOST_CALLS.get(str(record["precision"]), 0) * narrowed
        host_s = float(record["host_call_s"]) * launches
        if record["launched"] == EAGER and host_s > 0:
            low, high = max(low, host_s / HOST_FACTOR), max(high, host_s * HOST_FACTOR)
            total = max(total, host_s)
        for name, value in (("predicted_s", total), ("low_s", low), ("high_s", high)):
            columns[name].append(value)
    found = rows.assign(**columns)
    return found.assign(error=found.predicted_s / found.latency_s - 1.0)


def _case(
    gpu: Any, backend: Any, name: Any, fmt: Any, batch: Any, run: Any
) -> tuple[list[Op], list[Precision], float, float, float]:
    """The calls of a pass, their precisions, the sum of their latencies and its interval."""
    device = _under(hardware.processor(str(gpu)), str(backend))
    case = Case(str(name), str(fmt), int(batch), str(run), str(backend).endswith(COMPILED))
    calls, used = as_run(case, device)
    found = evaluate(device, stack(calls), stack(used), None)
    return calls, used, float(np.sum(found["latency_s"])), *interval(calls, used, found)


def _under(device: Cpu | Gpu, backend: str) -> Cpu | Gpu:
    return replace(device, backend=backend) if isinstance(device, Gpu) and backend in backends() else device


def as_run(case: Case, device: Cpu | Gpu) -> tuple[list[Op], list[Precision]]:
    """The calls that a network makes in a case, on a GPU those beside its ops included, and the precision of each."""
    name, fmt, batch, run, compiled = case
    wide = precision(fmt if fmt in DTYPES else "bf16")
    workload = network(name).workload(batch)
    if run == TRAINING:
        workload = training(workload)
    calls: list[Op] = []
    used: list[Precision] = []
    for op in on_gpu(workload.ops) if compiled else workload.ops:
        narrowed = fmt in NARROW and op.kind == "linear" and bool(fits(op.n, op.k))
        apart = isinstance(device, Gpu) and not compiled
        around = beside.narrowing(op, fmt) if narrowed and apart else []
        own = beside.rotation(op) if op.name.endswith(".rotary") and apart else [op]
        calls += [*own, *around]
        used += [precision(NARROW[fmt]) if narrowed else wide] * len(own) + [wide] * len(around)
    return calls, used
