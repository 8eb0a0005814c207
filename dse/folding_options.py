"""What each layer of a dataflow may be: a format with the folding of its unit, and of the units that follow it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
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


@lru_cache(maxsize=1)
def units(problem: Problem) -> list[list[Group]]:
    """Return the candidates [layers][options] of a problem on an FPGA, those that others beat left out; do not edit.

    Units without a choice of format (at the option of `problem.rest`) belong to the first layer, at every option.
    """
    ops, follows = problem.workload.ops, problem.follows.tolist()
    every = range(len(problem.options))
    matrices = [i for i, op in enumerate(ops) if candidates(op)]
    taken = {(i, option): option if follows[i] >= 0 else problem.rest for i in matrices for option in every}
    known = _candidates(problem, list(dict.fromkeys((i, option) for (i, _), option in taken.items())))
    found: list[list[Group]] = []
    for layer, name in enumerate(problem.layers):
        members = [i for i in matrices if max(follows[i], 0) == layer]
        members.sort(key=lambda i: ops[i].name != name)
        found.append([tuple(replace(known[i, taken[i, o]], ops=(i,)) for i in members) for o in every])
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


def _candidates(problem: Problem, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Units]:
    """The candidates of each (op, option), all weighed as one batch.

    Ops that differ in their names alone are weighed once.
    """
    workload, device = problem.workload, problem.device
    assert isinstance(device, Fpga)
    beside = placed(workload, Folding(0.0, 0.0))
    around = np.stack(np.broadcast_arrays(beside.waiting, beside.moved, paths(workload).outputs), axis=-1)
    nameless = [replace(op, name="", inputs=()) for op in workload.ops]
    alike: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for i, option in wanted:
        alike.setdefault((nameless[i], option, *around[i].tolist()), []).append((i, option))
    first = [keys[0] for keys in alike.values()]
    folded = [_foldings(workload.ops[i], device) for i, _ in first]
    paid = _paid(problem, first, folded, around[[i for i, _ in first]])
    found: dict[tuple[int, int], Units] = {}
    for keys, choices, costs_of in zip(alike.values(), folded, paid, strict=True):
        every = Units(costs_of, (keys[0][0],), choices[:, None, :])
        found |= dict.fromkeys(keys, every.keep(mask(costs_of)))
    return found


def _foldings(op: Op, device: Fpga) -> NDArray[np.float64]:
    """PE, SIMD, and whether products are in DSP blocks and weights in UltraRAM: float64[candidates, 4]."""
    places = [(dsp, uram) for dsp in (0.0, 1.0) for uram in ((0.0, 1.0) if device.uram else (0.0,))]
    found = [(pe, simd, *place) for place in places for pe, simd in candidates(op)]
    return np.array(found, dtype=np.float64)


def _paid(
    problem: Problem,
    taken: Sequence[tuple[int, int]],
    folded: Sequence[NDArray[np.float64]],
    around: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """What each folding of each (op, option) takes: float64[candidates, 2 + resources], seconds first."""
    assert isinstance(problem.device, Fpga)
    counts = [len(choices) for choices in folded]
    batch: Op = map_fields(stack([problem.workload.ops[i] for i, _ in taken]), lambda c: np.repeat(c, counts))
    precision: Precision = map_fields(stack([problem.options[o] for _, o in taken]), lambda c: np.repeat(c, counts))
    waiting, moved, outputs = np.repeat(around, counts, axis=0).T
    folding = replace(Folding(*np.concatenate(folded).T), waiting=waiting, moved=moved)
    found = costs(batch, precision, problem.device, folding) | memories(batch, precision, folding)
    held = delays(batch, folding, batch=float(problem.workload.batch), outputs=outputs)
    seconds = np.stack(np.broadcast_arrays(held, found["cycles"])) / clock_hz(batch, precision, problem.device)
    paid = np.column_stack([*seconds, *(found[name] for name in RESOURCES)])
    return np.split(paid, np.cumsum(counts)[:-1])
