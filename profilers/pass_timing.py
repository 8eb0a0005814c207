"""Whole networks timed where calls are: forward and training passes, as graphs and as the host launches them."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from profilers import timing
from profilers.case import DTYPES, EAGER, NARROW, TRAINING, Case
from profilers.networks import network
from profilers.sweep import Backend
from profilers.timing import Timing, Work

COLUMNS = ("gpu", "network", "precision", "batch", "run", "backend", "launched", "host_call_s", "latency_s")
"""Of a table without rows."""

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
        row = {"gpu": device, "network": case.network, "precision": case.precision, "batch": case.batch,
               "run": case.run, "backend": case.software(backend.name)}  # fmt: skip
        for launched, (timed, power) in found.items():
            how = {"launched": launched, "host_call_s": call_s}
            rows.append({**row, **how, **asdict(timed), "spread": timed.spread, **power})
    return Measured(pd.DataFrame(rows, columns=None if rows else [*COLUMNS]), failed)


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
