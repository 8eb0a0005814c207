"""How long one pass takes through a dataflow, from its first input to its last output, and what waits where paths join.

Units work at once on different parts of an image. Each is a server in order: an output is begun when the inputs that it
needs come and the output before is done, so that out[j] = max(ready[j], out[j-1]) + c with c cycles an output: a
recurrence in the max-plus algebra (Baccelli, Cohen, Olsder, Quadrat, Synchronization and Linearity, Wiley 1992, section
1.2). Its solution is out[j] = c (j + 1) + max over k <= j of (ready[k] - c k). Inputs are read by the same recurrence.

The upper bound is that of servers of one rate in a row, whose latencies add (Le Boudec and Thiran, Network Calculus,
Springer 2001, section 1.4): where no unit takes longer than T a pass, an output waits for T times the part of the input
that it needs more than its own share, and for c. Queues that fill up slow a design towards it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.cycles import (
    cycles,
    matrix_cycles,
    padding_cycles,
    read_cycles,
    stream_cycles,
    written_cycles,
)
from costmodel.estimators.fpga.layer import REGISTERED_LEVELS
from costmodel.estimators.fpga.reach import Floats, input_steps, paths
from costmodel.estimators.fpga.unit import Folding, grouped, height, on_fabric, streaming
from costmodel.record import Real
from costmodel.workload import Op, Workload

REGISTERS = 5.0
"""Of a unit from input to output, its tree's apart: queue, products, accumulator, two of its output (`layer.ff`)."""


@dataclass(frozen=True)
class Passage:
    """Cycles from the first input to the last output of a pass, and their bounds.

    low    without registers, where depthwise units begin a pixel with its first channels
    high   of units that are all slowed to the rate of the slowest
    """

    cycles: float
    low: float
    high: float


def passage(
    workload: Workload, folding: Folding, *, interval: float = 0.0, input_cycles: float = 0.0, stalls: Real = 0.0
) -> Passage:
    """Follow the first image of a pass; each further one leaves an interval, the slowest unit's, after the other.

    `interval` is cycles that a pass takes at least, whatever its units do, `input_cycles` those in which its input
    comes, `stalls` float64[ops] those in which each unit's streamed weights do, all for the whole batch.
    """
    ops, batch, laid = workload.batch_of_ops, float(workload.batch), paths(workload)
    each = stages(ops, folding, batch)
    each = replace(each, work=np.maximum(each.work, stalls / batch), whole=np.maximum(each.whole, stalls / batch))
    slowest = max(float(np.max(each.whole)), interval / batch, input_cycles / batch)
    soonest = replace(each, registers=np.zeros(1), first=np.where(grouped(ops), 1.0, each.first))
    columns = zip(vars(each).values(), vars(soonest).values(), strict=True)
    both = Stages(*(np.stack([np.broadcast_to(c, len(workload.ops)) for c in pair]) for pair in columns))
    done = followed(workload, both, input_cycles / batch)
    middle, low = (max(slowest, *(float(done[i][which, -1]) for i in laid.ends)) for which in range(2))
    own = float(np.sum(each.work / laid.outputs + each.registers))
    high = slowest * waits(workload) + own
    more = (batch - 1) * slowest
    return Passage(middle + more, low + more, max(high, middle) + more)


@lru_cache(maxsize=64)
def waits(workload: Workload) -> float:
    """Passes of the slowest unit that the last output waits for inputs, on the path that waits longest, whatever the
    folding: of each op, what its outputs need more than their own share, in outputs of the op before."""
    laid = paths(workload)
    lag: list[float] = []
    for op, needed, read in zip(workload.ops, laid.needs, laid.reads, strict=True):
        before = np.arange(len(needed)) / len(needed)
        steps = [len(laid.needs[i]) for i in read] or [input_steps(op, workload.batch)]
        come = [(np.ceil(needed * n - 1e-9) - 1) / n for n in steps]
        own = [max(float(np.max(each - before)), 0.0) for each in come]
        lag.append(max(lag[i] + wait for i, wait in zip(read, own, strict=True)) if read else own[0] + 1 / steps[0])
    return max(lag[i] + 1 - 1 / len(laid.needs[i]) for i in laid.ends)


@lru_cache(maxsize=64)
def waiting(workload: Workload) -> NDArray[np.float64]:
    """Elements that wait before each unit that reads two paths of an image, while the slower one fills: float64[ops].

    Paths join in a sum, and in a matrix unit that a mask of its rows tells which of them run. All units work at one
    rate, so that the lag of a path is what its windows hold: a queue of less stops the pass, as the fork then waits for
    the full queue and what joins the paths for the fork.
    """
    ops, laid = workload.batch_of_ops, paths(workload)
    units, none = (on_fabric(ops) | streaming(ops)) * 1.0, np.zeros(len(workload.ops))
    done = followed(workload, Stages(units, none, units, none, none), 1.0)
    found = np.zeros(len(workload.ops))
    for i, (op, read, parts) in enumerate(zip(workload.ops, laid.reads, laid.parts, strict=True)):
        joins, steps = len(read) > 1, len(done[i])
        for source, part in zip(read, parts, strict=True) if joins and units[i] else ():
            come = np.searchsorted(done[source], done[i] * (1 + 1e-12), side="right") / len(done[source])
            taken = np.arange(1, steps + 1) / steps if bool(streaming(op)) else (part + 1) / len(done[source])
            elements = op.output_elements if bool(streaming(op)) else workload.ops[source].output_elements
            found[i] += max(float(np.max(come - taken)), 0.0) * elements / workload.batch
    return np.round(found, 6)


@dataclass(frozen=True)
class Stages:
    """Of each unit and image: cycles of its outputs and of reading its inputs, of its interval, of a row's first pass
    over an output's inputs as a share of the output, and registers."""

    work: Real
    read: Real
    whole: Real
    first: Real
    registers: Real


def stages(op: Op, folding: Folding, batch: float) -> Stages:
    """The times of a unit, or of a batch of them."""
    matrix = on_fabric(op)
    work = np.where(matrix, np.maximum(matrix_cycles(op, folding), written_cycles(op, folding)), 0.0)
    work = work + stream_cycles(op, folding)
    tree = sum(np.where(folding.simd >= 2.0**level, 1.0, 0.0) for level in REGISTERED_LEVELS)
    first = np.where(matrix, folding.pe / np.maximum(height(op), 1), 1.0)
    registers = np.where(matrix | streaming(op), REGISTERS + np.where(matrix, tree, 0.0), 0.0)
    read = np.maximum(read_cycles(op, folding), padding_cycles(op, folding))
    return Stages(work / batch, read / batch, cycles(op, folding) / batch, first, registers)


def followed(workload: Workload, units: Stages, input_cycles: float) -> list[Floats]:
    """The cycle at which each op has each output of the first image, float64[..., outputs] of times [..., ops]; a first
    pass goes along with its inputs."""
    columns = (units.work, units.read, units.first, units.registers, np.zeros(len(workload.ops)))
    work, read_time, first, registers, _ = (c[..., None] for c in np.broadcast_arrays(*columns))
    laid = paths(workload)
    done: list[Floats] = []
    for i, parts in enumerate(laid.parts):
        come = arrivals(workload.ops[i], laid.reads[i], done, input_cycles, workload.batch)
        brought = (served(each, read_time[..., i, :] / each.shape[-1]) for each in come)
        ready = reduce(np.maximum, (each[..., part] for each, part in zip(brought, parts, strict=True)))
        each_output = work[..., i, :] / len(laid.needs[i])
        hidden = first[..., i, :] * each_output
        done.append(np.maximum(served(ready - hidden, each_output), ready) + registers[..., i, :])
    return done


def arrivals(op: Op, read: Sequence[int], done: Sequence[Floats], input_cycles: float, batch: int) -> list[Floats]:
    """When each part of an op's inputs comes: as the ops that it reads are done, or the network's own."""
    if read:
        return [done[j] for j in read]
    steps = input_steps(op, batch)
    return [np.arange(1.0, steps + 1) * (input_cycles / steps)]


def served(ready: Floats, each: Real) -> Floats:
    """When a server is done with each of a row of tasks of `each` cycles that become ready in order."""
    index = np.arange(ready.shape[-1])
    done: Floats = np.maximum.accumulate(ready - each * index, axis=-1) + each * (index + 1)
    return done
