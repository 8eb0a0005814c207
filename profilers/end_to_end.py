"""Whole networks, predicted against measured: a forward pass timed where the calls were, beside its estimate."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators.estimate import evaluate, interval
from costmodel.precision import precision
from costmodel.record import stack
from profilers import timing
from profilers.networks import NETWORKS
from profilers.sweep import Backend
from profilers.timing import Timing

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

Case = tuple[str, str, int]
"""Name of a network, format of weights and activations, batch."""

Tell = Callable[[int, int], None]


def measure(
    cases: Sequence[Case], backend: Backend, *, device: str, where: str, budget_s: float, progress: Tell | None = None
) -> pd.DataFrame:
    """One row a case: the latency of its forward pass on torch's device `where`, within `budget_s` each."""
    rows = []
    for i, (name, fmt, batch) in enumerate(cases):
        if progress:
            progress(i, len(cases))
        found = _timed(name, fmt, batch, backend, where, budget_s)
        row = {"gpu": device, "network": name, "precision": fmt, "batch": batch, "backend": backend.name}
        rows.append({**row, **asdict(found), "spread": found.spread})
    return pd.DataFrame(rows)


def predicted(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `predicted_s`, `low_s`, `high_s` and `error`, by the calibrations of their device.

    Every op as a call of its own, as eager PyTorch runs it: nothing fused.
    """
    columns: dict[str, list[float]] = {"predicted_s": [], "low_s": [], "high_s": []}
    for record in rows.to_dict("records"):
        device = hardware.processor(str(record["gpu"]))
        workload = NETWORKS[str(record["network"])].workload(int(record["batch"]))
        used = precision(str(record["precision"]))
        found = evaluate(device, stack(workload.ops), stack([used] * len(workload.ops)), None)
        total = float(np.sum(found["latency_s"]))
        low, high = interval(workload.ops, [used] * len(workload.ops), found)
        for name, value in (("predicted_s", total), ("low_s", low), ("high_s", high)):
            columns[name].append(value)
    done = rows.assign(**columns)
    return done.assign(error=done.predicted_s / done.latency_s - 1.0)


def _timed(name: str, fmt: str, batch: int, backend: Backend, where: str, budget_s: float) -> Timing:
    import torch

    module, inputs = NETWORKS[name].build(batch)
    dtype = getattr(torch, DTYPES[fmt])
    module = module.eval().to(device=where, dtype=dtype)
    inputs = inputs.to(where) if inputs.dtype == torch.int64 else inputs.to(device=where, dtype=dtype)
    with torch.inference_mode():
        work: list[Any] = [lambda: module(inputs)]
        return timing.measure(work, backend.clock, budget_s=budget_s)
