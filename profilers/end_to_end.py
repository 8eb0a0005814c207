"""Whole networks, predicted against measured: a pass timed where the calls were, beside its estimate."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from costmodel import hardware, zoo
from costmodel.catalog import UnknownNameError, require
from costmodel.estimators.evaluate import evaluate, interval
from costmodel.estimators.gpu_latency import backends
from costmodel.estimators.reuse import on_gpu
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision, precision
from costmodel.record import stack
from costmodel.workload import Op
from costmodel.workload.training import training
from profilers import timing
from profilers.networks import NETWORKS, Network, beside
from profilers.networks.by_timm import by_timm
from profilers.networks.sides import fits
from profilers.sweep import Backend
from profilers.timing import Timing, Work

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

NARROW = {"fp8": "fp8_e4m3/fp8_e4m3/bf16", "int8": "int8/int8/bf16", "int4": "int4_g128/bf16"}
"""Formats of linear layers, the rest in bf16 (profilers/networks/narrow.py), and how `precision` spells them."""

NARROW_BITS = 8

HOST_CALLS = {"fp8": 7, "int4": 6}
"""Calls that the host launches within such a layer's product, where they are no ops of their own."""

EAGER, GRAPH = "eager", "graph"
"""Launched call by call by the host, or replayed."""

NEEDED = ("gpu", "network", "precision", "batch", "backend", "launched", "host_call_s", "latency_s")
"""Columns of measured passes that `predicted` reads."""

FORWARD, TRAINING = "forward", "training"
"""The passes that are timed; `training` is forward and backward, without an optimizer."""

COMPILED = ".compile"
"""Ends the name of a backend whose networks are compiled first, batch norms folded: pointwise ops run fused."""


class Case(NamedTuple):
    """What is timed: the name of a network, format of weights and activations, batch, pass, and whether compiled."""

    network: str
    precision: str
    batch: int
    run: str = FORWARD
    compiled: bool = False


HOST_FACTOR = 2.5
"""How far the time of launching a network may lie from that of the probe's calls, either way. A judgement: beside an
H100 the same network took 4 and 8 ms to launch in two formats."""

PROBE_BLOCKS, PROBE_WIDTH, PROBE_CALLS = 16, 64, 4

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """One row a case and way of launching; `failed` has the library's words by case where it lacks a kernel."""

    rows: pd.DataFrame
    failed: dict[str, str]


def measure(
    cases: Iterable[Case], backend: Backend, *, device: str, where: str, budget_s: float, limit_s: float = np.inf,
    progress: Tell | None = None,
) -> Measured:  # fmt: skip
    """The latency of each case's pass on torch's device `where`, within `budget_s` each, launched every way.

    `host_call_s` is what a call costs the host alone, nan where calls are not launched. A case whose least runs, or
    those of the same in a smaller batch, do not fit what is left of `limit_s` is left out.
    """
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    slow: dict[Case, str] = {}
    end = time.perf_counter() + limit_s
    call_s = host_call_s(backend, where) if where != "cpu" else np.nan
    cases = [Case(*case) for case in cases]
    for i, case in enumerate(cases):
        if progress:
            progress(i, len(cases))
        same = case._replace(batch=0)
        try:
            if same in slow:
                raise TooSlowError(slow[same])
            found = _timed(case, backend, where, budget_s, end)
        except RuntimeError as error:
            failed[" ".join(str(part) for part in case[:3])] = str(error).splitlines()[0]
            if isinstance(error, TooSlowError):
                slow[same] = str(error)
            continue
        name = f"{backend.name}{COMPILED}" if case.compiled else backend.name
        row = {"gpu": device, "network": case.network, "precision": case.precision, "batch": case.batch,
               "run": case.run, "backend": name}  # fmt: skip
        for launched, (timed, power) in found.items():
            how = {"launched": launched, "host_call_s": call_s}
            rows.append({**row, **how, **asdict(timed), "spread": timed.spread, **power})
    return Measured(pd.DataFrame(rows, columns=None if rows else [*NEEDED]), failed)


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


def network(name: str) -> Network:
    """The network of that name: of NETWORKS, else a vision network of the zoo; UnknownNameError lists near names."""
    try:
        return NETWORKS[name] if name in NETWORKS else by_timm(name)
    except UnknownNameError:
        raise UnknownNameError("network", name, [*NETWORKS, *zoo.names()]) from None


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


def host_call_s(backend: Backend, where: str, budget_s: float = 0.5) -> float:
    """Seconds that the host takes to launch a call of a network: of blocks so narrow that the device waits for it."""
    import torch
    from torch import nn

    parts = [nn.LayerNorm(PROBE_WIDTH), nn.Linear(PROBE_WIDTH, PROBE_WIDTH), nn.GELU()]
    with torch.inference_mode():
        block = nn.Sequential(*parts).to(where)
        x = torch.zeros(1, PROBE_WIDTH, device=where)

        def run() -> Any:
            y = x
            for _ in range(PROBE_BLOCKS):
                y = y + block(y)
            return y

        found = timing.measure([run], backend.clocks[EAGER], budget_s=budget_s)
    return found.latency_s / (PROBE_BLOCKS * PROBE_CALLS)


class TooSlowError(RuntimeError):
    """The runs of a pass do not fit the time that is left."""


def _timed(
    case: Case, backend: Backend, where: str, budget_s: float, end: float
) -> dict[str, tuple[Timing, Mapping[str, Any]]]:
    """The latency of one case, and its power where that is told, by way of launching; memory is given back.

    TooSlowError where its least runs do not fit the time until `end`.
    """
    import torch

    clocks = backend.clocks
    try:
        with torch.set_grad_enabled(True) if case.run == TRAINING else _without_gradients(case.compiled):
            work = [_pass(case, where)]
            if case.compiled:
                work[0]()
            if np.isfinite(end):
                _check_fits(work[0], end)
            each_s = budget_s / len(clocks)
            return {
                launched: (timing.measure(work, clock, budget_s=each_s), backend.power_of(launched))
                for launched, clock in clocks.items()
            }
    finally:
        for clock in clocks.values():
            clock.prepare([])
        if where != "cpu":
            torch.cuda.empty_cache()


def _without_gradients(compiled: bool) -> AbstractContextManager[Any]:
    """Inductor folds weights under no_grad; inference_mode spares the host more."""
    import torch

    return torch.no_grad() if compiled else torch.inference_mode()


def _check_fits(work: Work, end: float) -> None:
    """Run the work once, if there is time at all, and judge by that."""
    start = time.perf_counter()
    if start >= end:
        raise TooSlowError("no time is left")
    work()
    once_s, left_s = time.perf_counter() - start, end - time.perf_counter()
    if once_s * timing.LEAST_RUNS > left_s:
        runs, left = timing.LEAST_RUNS, f"{max(left_s, 0.0):.2g} s left"
        raise TooSlowError(f"a pass takes {once_s:.2g} s, {runs} do not fit the {left}")


def _pass(case: Case, where: str) -> Work:
    """A pass of a network in a format."""
    import torch

    torch.set_float32_matmul_precision("highest")
    fmt = case.precision
    dtype = getattr(torch, DTYPES.get(fmt, "bfloat16"))
    with torch.device(where):
        module, inputs = network(case.network).build(case.batch)
    module = module.train(case.run == TRAINING).to(device=where, dtype=dtype)
    inputs = inputs.to(where) if inputs.dtype == torch.int64 else inputs.to(device=where, dtype=dtype)
    if fmt in NARROW:
        from profilers.networks.narrow import narrow

        module = narrow(module, fmt)
    if case.compiled:
        torch.compiler.reset()
        module = torch.compile(module, dynamic=False, options={"freezing": True})
    return partial(_forward_and_backward, module, inputs) if case.run == TRAINING else partial(module, inputs)


def _forward_and_backward(module: Any, inputs: Any) -> Any:
    """A training step's pass; gradients are made anew."""
    import torch

    for weight in module.parameters():
        weight.grad = None
    found = module(inputs)
    found = found[0] if isinstance(found, tuple) else found
    found.backward(torch.ones_like(found))
    return found
