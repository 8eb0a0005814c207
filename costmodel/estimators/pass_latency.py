"""Latency and energy of many passes at once: each distinct op of each is evaluated once, all of them together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import uncertainty
from costmodel.estimators.assignment import Assignment, per_op
from costmodel.estimators.evaluate import evaluate, require_pipes
from costmodel.estimators.over_batches import SHAPE, OverBatches
from costmodel.estimators.reuse import on_gpu
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import changed, stack
from costmodel.workload import Op, Workload

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PassLatency:
    """Totals of passes, float64[passes]: seconds with their 90 % interval, and joules of one GPU (nan if unknown)."""

    latency_s: Floats
    low_s: Floats
    high_s: Floats
    energy_j: Floats


def pass_latency(passes: Sequence[Workload], precision: Assignment, gpu: Gpu) -> PassLatency:
    """Return what `estimate` gives for each pass that the L2 does not hold; ValueError where the GPU lacks a pipe.

    All are evaluated at once. A pass that it does hold finds it filled by those of other requests.
    """
    distinct = [_distinct(workload, precision) for workload in passes]
    ops = [op for part in distinct for op, _ in part]
    used = [precision for part in distinct for _, precision in part]
    columns = _columns(stack(ops), stack(used), len(ops), gpu)
    require_pipes(tuple(ops), tuple(used), columns, gpu)
    return _sums(columns, [len(part) for part in distinct])


def batch_latency(ops: OverBatches, batches: Floats, gpu: Gpu) -> PassLatency:
    """The same of one pass at float64[batches], from its columns."""
    columns = _columns(*ops.at(batches), len(ops.ops) * len(batches), gpu)
    require_pipes(ops.ops * len(batches), ops.precisions * len(batches), columns, gpu)
    return _sums(columns, [len(ops.ops)] * len(batches))


def _columns(op: Op, precision: Precision, length: int, gpu: Gpu) -> dict[str, NDArray[Any]]:
    found = evaluate(gpu, op, precision, None)
    return {name: np.array(np.broadcast_to(column, length)) for name, column in found.items()}


def _sums(columns: Mapping[str, NDArray[Any]], lengths: Sequence[int]) -> PassLatency:
    """Sums over passes of so many ops, each of which differs from the others of its pass."""
    passes = np.repeat(np.arange(len(lengths)), lengths)
    totals = (np.bincount(passes, columns[name], len(lengths)) for name in ("latency_s", "energy_j"))
    latency_s, joules = (np.asarray(total, dtype=np.float64) for total in totals)
    _, source = np.unique(columns["source"], return_inverse=True)
    low_s, high_s = (
        uncertainty.half_width(
            np.abs(columns[f"latency_{end}_s"] - columns["latency_s"]), passes, source, columns["correlation"]
        )
        for end in ("low", "high")
    )
    return PassLatency(latency_s, latency_s - low_s, latency_s + high_s, joules)


def _distinct(workload: Workload, precision: Assignment) -> list[tuple[Op, Precision]]:
    """Ops that cost differently, executed as often as all that cost the same together."""
    times: Counter[Any] = Counter()
    first: dict[Any, Op] = {}
    for op, used in zip(on_gpu(workload.ops), per_op(workload, precision), strict=True):
        key = SHAPE(op), used
        times[key] += op.count
        first.setdefault(key, op)
    return [(changed(first[key], count=float(n)), key[1]) for key, n in times.items()]
