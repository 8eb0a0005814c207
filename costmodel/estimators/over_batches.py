"""The ops of a pass at any batch as columns: counts that grow evenly with the batch are read off a few builds of it.

A count may also grow evenly up to a limit, as the share of a table's rows that a batch of prompts reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.assignment import Assignment, per_op
from costmodel.estimators.passed_on import placed, places
from costmodel.estimators.reuse import on_gpu
from costmodel.precision import Precision
from costmodel.precision import precision as parse
from costmodel.record import changed, stack
from costmodel.workload import Op, Workload
from costmodel.workload.op import NAMES

Floats = NDArray[np.float64]
R = TypeVar("R")

PROBES = (1, 3, 2, 61, 4096)
"""Batches at which a pass is built: the first two give a line, the last where it ends, the others whether it is one."""

EVEN = 1e-9
"""Relative deviation from a straight line that is rounding."""

SHAPE = attrgetter(*(f.name for f in fields(Op) if f.name not in (*NAMES, "count")))
"""The fields that decide what one execution of an op costs."""


@dataclass(frozen=True)
class OverBatches:
    """Distinct ops of a pass, and their columns at each of PROBES: float64[ops]."""

    ops: tuple[Op, ...]
    precisions: tuple[Precision, ...]
    columns: tuple[Op, ...]

    def under(self, precision: Precision | str) -> "OverBatches":
        """The same at one precision throughout."""
        used = parse(precision) if isinstance(precision, str) else precision
        return replace(self, precisions=tuple(placed(used, place) for place in places(self.ops).tolist()))

    def at(self, batches: Floats) -> tuple[Op, Precision]:
        """The ops at float64[batches], one batch's after another's, and their precisions: float64[batches * ops]."""
        return _line(self.columns, batches), tiled(stack(self.precisions), len(batches))


def over_batches(build: Callable[[int], Workload], precision: Assignment) -> OverBatches | None:
    """Return the ops of the pass that `build` makes of a batch, None where some count does not grow evenly with it."""
    passes = [build(batch) for batch in PROBES]
    if len({tuple(op.name for op in workload.ops) for workload in passes}) > 1:
        return None
    used = per_op(passes[0], precision)
    fused = [on_gpu(workload.ops) for workload in passes]
    groups: dict[Any, list[int]] = {}
    for i, at_probes in enumerate(zip(*(map(SHAPE, ops) for ops in fused), strict=True)):
        groups.setdefault((*at_probes, used[i]), []).append(i)
    places = list(groups.values())
    distinct = [[_together([ops[i] for i in place]) for place in places] for ops in fused]
    columns = tuple(stack(ops) for ops in distinct)
    if not all(_alike(_line(columns, np.array([float(b)])), c) for b, c in zip(PROBES, columns, strict=True)):
        return None
    return OverBatches(tuple(distinct[0]), tuple(used[place[0]] for place in places), columns)


def tiled(record: R, times: int) -> R:
    """A batch of records repeated so many times, one copy after another."""
    parts = vars(record).items()
    return changed(record, **{n: tiled(v, times) if hasattr(v, "__dict__") else np.tile(v, times) for n, v in parts})


def _together(ops: Sequence[Op]) -> Op:
    return changed(ops[0], count=float(sum(op.count for op in ops)))


def _line(columns: Sequence[R], batches: Floats) -> R:
    """Counts on the line through the first two columns, up to the last one; what is no number is that of the first."""
    first, second, *_, last = columns
    found = {}
    for name, low in vars(first).items():
        if hasattr(low, "__dict__"):
            found[name] = _line([getattr(column, name) for column in columns], batches)
        elif low.dtype.kind == "f":
            slope = (getattr(second, name) - low) / (PROBES[1] - PROBES[0])
            line, end = low + (batches[:, None] - PROBES[0]) * slope, getattr(last, name)
            found[name] = np.where(slope > 0, np.minimum(line, end), np.maximum(line, end)).ravel()
        else:
            found[name] = np.tile(low, len(batches))
    return changed(first, **found)


def _alike(one: Any, other: Any) -> bool:
    """Whether two batches of records have the same fields, numbers up to rounding."""
    for name, value in vars(one).items():
        against = getattr(other, name)
        if hasattr(value, "__dict__"):
            same = _alike(value, against)
        elif value.dtype.kind == "f":
            same = bool(np.allclose(value, against, rtol=EVEN, atol=0.0))
        else:
            same = name in NAMES or bool((value == against).all())
        if not same:
            return False
    return True
