"""Which units decide the latency of a pass: the longest path through its recurrence, as a sum over units.

A max-plus recurrence is the greatest of sums, one for each path through the grid of units and outputs (Baccelli, Cohen,
Olsder, Quadrat, Synchronization and Linearity, Wiley 1992, section 2.3). A path's sum, how often it takes each time of
each unit, is therefore below the latency of every other folding of the same network, and equal to that of its own.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.passage import Stages, arrivals, followed, served, stages
from costmodel.estimators.fpga.reach import Floats, paths
from costmodel.estimators.fpga.traffic_bound import memory_cycles, moved_bytes
from costmodel.estimators.fpga.unit import Folding
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload

TIMES = 7
EACH, READ, HIDDEN, REGISTERS, WHOLE, ENTERING, MOVED = range(TIMES)
"""Times of a unit and an image: of an output, of reading the input, of an output's part that goes along with its
inputs, of its registers, of all its work; those in which the memory brings the network's input, and all it moves."""


def times(
    op: Op, precision: Precision, device: Fpga, folding: Folding, *, batch: float, outputs: Real, entering: Real
) -> NDArray[np.float64]:
    """Cycles of units that are followed by so many `outputs` an image and read `entering` elements of the network's
    input: float64[..., TIMES]."""
    unit = stages(op, folding, batch)
    each = unit.work / outputs
    come = memory_cycles(entering * precision.activation.bits_per_element / 8, device)
    moved = memory_cycles(moved_bytes(op, precision, folding), device)
    columns = (each, unit.read, unit.first * each, unit.registers, unit.whole, come / batch, moved / batch)
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def longest_path(
    workload: Workload, folding: Folding, *, interval: float = 0.0, input_cycles: float = 0.0
) -> NDArray[np.float64]:
    """How often the latency of `passage` takes each time of each unit: float64[ops, TIMES]."""
    ops, batch = workload.batch_of_ops, float(workload.batch)
    units = stages(ops, folding, batch)
    done = followed(workload, units, input_cycles / batch)
    last = max(paths(workload).ends, key=lambda i: float(done[i][-1]))
    found = np.zeros((len(workload.ops), TIMES))
    whole = np.broadcast_to(units.whole, len(workload.ops))
    slowest = max(float(whole.max()), interval / batch, input_cycles / batch)
    passes = batch - 1 + (slowest > done[last][-1])
    if not passes or whole.max() == slowest:
        found[int(whole.argmax()), WHOLE] = passes
    else:
        found[:, MOVED if interval / batch == slowest else ENTERING] = passes
    return found if slowest > done[last][-1] else found + _traced(workload, units, done, last, input_cycles / batch)


def _traced(workload: Workload, units: Stages, done: list[Floats], i: int, input_cycles: float) -> NDArray[np.float64]:
    """The path to the last output of op `i`, from the end to the network's input."""
    laid, found = paths(workload), np.zeros((len(workload.ops), TIMES))
    columns = (units.work, units.read, units.first)
    work, read, first = (np.broadcast_to(c, len(workload.ops)) for c in columns)
    j = len(done[i]) - 1
    while True:
        come = arrivals(workload.ops[i], laid.reads[i], done, input_cycles, workload.batch)
        brought = [served(each, read[i] / len(each)) for each in come]
        parts = laid.parts[i]
        ready = np.max([each[part] for each, part in zip(brought, parts, strict=True)], axis=0)
        each_output = work[i] / len(laid.needs[i])
        begun = ready - first[i] * each_output
        start = _first(begun, each_output, j)
        found[i, REGISTERS] += 1
        if begun[start] + each_output * (j + 1 - start) >= ready[j]:
            found[i, EACH] += j + 1 - start
            found[i, HIDDEN] -= 1
            j = start
        source = int(np.argmax([each[part[j]] for each, part in zip(brought, parts, strict=True)]))
        part = int(parts[source][j])
        start = _first(come[source], read[i] / len(come[source]), part)
        found[i, READ] += (part + 1 - start) / len(come[source])
        if not laid.reads[i]:
            found[:, ENTERING] += (start + 1) / len(come[source])
            return found
        i, j = laid.reads[i][source], start


def _first(ready: Floats, each: float, last: int) -> int:
    """The task that a server has been busy since, up to the task `last`."""
    return int(np.argmax(ready[: last + 1] - each * np.arange(last + 1)))
