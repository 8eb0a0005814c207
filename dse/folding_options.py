"""What each layer of a dataflow may be: a format with the folding of its unit, and of the units that follow it."""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.folding import candidates
from costmodel.estimators.fpga.passage import delays
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.unit import Folding
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from costmodel.workload import Op
from dse.pareto import mask
from dse.problem import Problem

Floats = NDArray[np.float64]

RESOURCES = ("lut", "dsp", "bram18", "uram")

HELD, LONGEST, SPENT = 0, 1, slice(2, 6)
"""Columns of what an option costs: seconds that its units hold an output, added (`fpga.passage.delays`), those that the
slowest takes for a pass, and RESOURCES in order."""


@dataclass(frozen=True)
class Units:
    """Candidates of one unit or of several together: `paid` float[candidates, 6], and the folding of each.

    `ops` are the units' indices in the workload, `folded` float[candidates, units, 4] their pe, simd, dsp and uram.
    """

    paid: Floats
    ops: tuple[int, ...]
    folded: Floats

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Units":
        """Some of the candidates."""
        return replace(self, paid=self.paid[rows], folded=self.folded[rows])

    def within(self, most_s: float) -> "Units":
        """The candidates of which no unit takes longer, without those that spend more than another."""
        fast = self.keep(self.paid[:, LONGEST] <= most_s)
        return fast.keep(mask(fast.paid[:, SPENT])) if len(fast.paid) else fast

    def joined(self, other: "Units") -> "Units":
        """Both together: every pair of candidates but those that spend more than another."""
        first, second = (index.ravel() for index in np.indices((len(self.paid), len(other.paid))))
        both = self.keep(first).beside(other.keep(second))
        return both.keep(mask(both.paid[:, SPENT])) if len(both.paid) else both

    def beside(self, other: "Units") -> "Units":
        """Each candidate with the other's of the same row."""
        paid = self.paid + other.paid
        paid[:, LONGEST] = np.maximum(self.paid[:, LONGEST], other.paid[:, LONGEST])
        return Units(paid, self.ops + other.ops, np.concatenate([self.folded, other.folded], axis=1))


NOTHING = Units(np.zeros((1, 6)), (), np.empty((1, 0, 4)))
"""A layer without units: one candidate that costs nothing."""

Group = tuple[Units, ...]
"""Candidates of each unit of a layer at one format: its own first, then those of the ops that follow it."""


def units(problem: Problem) -> list[list[Group]]:
    """Return the candidates [layers][options] of a problem on an FPGA, those that others beat left out.

    Units without a choice of format (at the option of `problem.rest`) belong to the first layer, at every option.
    """
    found: list[list[Group]] = []
    alike: dict[tuple[Any, ...], Units | None] = {}
    for layer, name in enumerate(problem.layers):
        own = [i for i, follows in enumerate(problem.follows.tolist()) if max(follows, 0) == layer]
        own.sort(key=lambda i: problem.workload.ops[i].name != name)
        found.append([_group(problem, own, option, alike) for option in range(len(problem.options))])
    return found


def within(group: Group, most_s: float) -> Units:
    """The units together, of candidates that all take no longer and that no cheaper ones replace."""
    return reduce(Units.joined, (unit.within(most_s) for unit in group), NOTHING)


def paced(group: Group, most_s: float) -> Units:
    """The units together, of candidates that take no longer than `most_s`; each that follows is its cheapest."""
    if not group:
        return NOTHING
    first, *others = (unit.keep(unit.paid[:, LONGEST] <= most_s) for unit in group)
    if not all(len(unit.paid) for unit in (first, *others)):
        return reduce(Units.beside, (unit.keep(slice(0)) for unit in group))
    for other in others:
        cheapest = np.lexsort((other.paid[:, HELD], other.paid[:, SPENT].sum(axis=1)))[0]
        first = first.beside(other.keep(np.full(len(first.paid), cheapest)))
    return first


def _group(problem: Problem, ops: list[int], option: int, alike: dict[tuple[Any, ...], Units | None]) -> Group:
    """The units of some ops; those of `alike` ops, which differ in their names, are found once."""
    workload = problem.workload
    beside, outputs = placed(workload, Folding(0.0, 0.0)), paths(workload).outputs
    found = []
    for i in ops:
        taken = option if problem.follows[i] >= 0 else problem.rest
        around = float(beside.waiting[i]), float(beside.moved[i]), float(outputs[i])
        key = replace(workload.ops[i], name="", inputs=()), taken, *around
        if key not in alike:
            alike[key] = _unit(problem, i, problem.options[taken], *around)
        if (unit := alike[key]) is not None:
            found.append(replace(unit, ops=(i,)))
    return tuple(found)


def _unit(problem: Problem, index: int, used: Precision, waiting: float, moved: float, outputs: float) -> Units | None:
    """The candidates of one op that becomes a unit, with products in LUTs or DSP blocks, weights in BRAM or URAM."""
    workload, device = problem.workload, problem.device
    assert isinstance(device, Fpga)
    op = workload.ops[index]
    pairs = candidates(op)
    if not pairs:
        return None
    places = [(dsp, uram) for dsp in (0.0, 1.0) for uram in ((0.0, 1.0) if device.uram else (0.0,))]
    folded = np.array([(pe, simd, *place) for place in places for pe, simd in pairs], dtype=np.float64)
    batch: Op = map_fields(stack([op]), lambda column: np.repeat(column, len(folded)))
    precision: Precision = map_fields(stack([used]), lambda column: np.repeat(column, len(folded)))
    folding = replace(Folding(*folded.T), waiting=waiting, moved=moved)
    found = costs(batch, precision, device, folding) | memories(batch, precision, folding)
    held = delays(batch, folding, batch=float(workload.batch), outputs=outputs)
    seconds = np.stack(np.broadcast_arrays(held, found["cycles"])) / clock_hz(batch, precision, device)
    paid = np.column_stack([*seconds, *(found[name] for name in RESOURCES)])
    every = Units(paid, (index,), folded[:, None, :])
    return every.keep(mask(paid))
