"""Latency and energy of many passes at once: each distinct op of each is evaluated once, all of them together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.assignment import Assignment, per_op
from costmodel.estimators.estimate import evaluate, interval, require_pipes
from costmodel.estimators.fusion import fuse
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import stack
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
    """Return what `estimate` gives for each pass, in one evaluation; ValueError where the GPU lacks a pipe."""
    distinct = [_distinct(workload, precision) for workload in passes]
    ops = [op for part in distinct for op, _ in part]
    precisions = [used for part in distinct for _, used in part]
    columns = evaluate(gpu, stack(ops), stack(precisions), None)
    columns = {name: np.array(np.broadcast_to(column, len(ops))) for name, column in columns.items()}
    require_pipes(tuple(ops), tuple(precisions), columns, gpu)
    ends = np.cumsum([0, *(len(part) for part in distinct)])
    rows = [slice(start, stop) for start, stop in pairwise(ends.tolist())]
    sums = {name: [float(columns[name][row].sum()) for row in rows] for name in ("latency_s", "energy_j")}
    between = [interval(ops[row], precisions[row], {n: c[row] for n, c in columns.items()}) for row in rows]
    low, high = (np.array(ends) for ends in zip(*between, strict=True))
    return PassLatency(np.array(sums["latency_s"]), low, high, np.array(sums["energy_j"]))


def _distinct(workload: Workload, precision: Assignment) -> list[tuple[Op, Precision]]:
    """Ops that cost differently, executed as often as all that cost the same together."""
    times: Counter[tuple[Op, Precision]] = Counter()
    names: dict[tuple[Op, Precision], str] = {}
    for op, used in zip(fuse(workload.ops), per_op(workload, precision), strict=True):
        key = replace(op, name="", inputs=(), count=1.0), used
        times[key] += op.count
        names.setdefault(key, op.name)
    return [(replace(op, name=names[op, used], count=float(n)), used) for (op, used), n in times.items()]
