"""What each layer of a dataflow may be: a format with the folding of its unit, and of the units that follow it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.folding import candidates
from costmodel.estimators.fpga.longest_path import HIDDEN, TIMES, times
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.traffic_bound import ends
from costmodel.estimators.fpga.unit import Folding
from costmodel.formats import Format
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from costmodel.workload import Op
from dse.pareto import distinct
from dse.problem import Problem
from dse.readers import Rows

Floats = NDArray[np.float64]

RESOURCES = ("lut", "dsp", "bram18", "uram")

LONGEST, SPENT, ALONG = 0, slice(1, 5), slice(5, None)
"""Columns of what an option costs: seconds that the slowest unit takes for a pass, RESOURCES in order, and the seconds
that its units add to each of some paths (`fpga.longest_path`)."""

Paths = Sequence[Floats]
"""Paths through all ops: how often each takes each time of each unit, float64[ops, TIMES]."""


@dataclass(frozen=True)
class Units:
    """Candidates of one unit or of several together: `paid` float[candidates, 5 + paths], and the folding of each.

    `ops` are the units' indices in the workload, `folded` float[candidates, units, 4] their pe, simd, dsp and uram,
    `times` float[candidates, TIMES] the seconds that paths are made of, of single units alone. `written` has RESOURCES
    by the option in whose format outputs are written, float[candidates, options, 4]; of one option where all write in
    one, whose resources `paid` has.
    """

    paid: Floats
    ops: tuple[int, ...]
    folded: Floats
    times: Floats = field(default_factory=lambda: np.zeros((1, TIMES)))
    written: Floats = field(default_factory=lambda: np.zeros((1, 1, len(RESOURCES))))

    @property
    def spent(self) -> Floats:
        """What candidates are compared by: RESOURCES, in every format that outputs may be written in."""
        if self.written.shape[1] == 1:
            return self.paid[:, SPENT]
        columns = self.written.transpose(2, 0, 1)
        told = [each if (each != each[:, :1]).any() else each[:, :1] for each in columns]
        return np.unique(np.concatenate(told, axis=1), axis=1)

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Units":
        """Some of the candidates."""
        times = np.broadcast_to(self.times, (len(self.paid), TIMES))
        written = np.broadcast_to(self.written, (len(self.paid), *self.written.shape[1:]))
        return replace(self, paid=self.paid[rows], folded=self.folded[rows], times=times[rows], written=written[rows])

    def along(self, paths: Paths) -> "Units":
        """A single unit's candidates with the seconds that they add to each path."""
        (op,) = self.ops
        return replace(self, paid=np.column_stack([self.paid, *(self.times @ path[op] for path in paths)]))

    def within(self, most_s: float) -> "Units":
        """The candidates of which no unit takes longer, without those that spend more than another."""
        fast = self.keep(self.paid[:, LONGEST] <= most_s)
        return fast.keep(distinct(fast.spent)) if len(fast.paid) else fast

    def joined(self, other: "Units") -> "Units":
        """Both together: every pair of candidates but those that spend more than another."""
        first, second = (index.ravel() for index in np.indices((len(self.paid), len(other.paid))))
        both = self.keep(first).beside(other.keep(second))
        return both.keep(distinct(both.spent)) if len(both.paid) else both

    def beside(self, other: "Units") -> "Units":
        """Each candidate with the other's of the same row."""
        paid = self.paid + other.paid
        paid[:, LONGEST] = np.maximum(self.paid[:, LONGEST], other.paid[:, LONGEST])
        folded = np.concatenate([self.folded, other.folded], axis=1)
        return Units(paid, self.ops + other.ops, folded, written=self.written + other.written)


NOTHING = Units(np.zeros((1, 5)), (), np.empty((1, 0, 4)))
"""A layer without units: one candidate that costs nothing."""

Group = tuple[Units, ...]
"""Candidates of each unit of a layer at one format: its own first, then those of the ops that follow it."""


@lru_cache(maxsize=1)
def units(problem: Problem) -> list[list[Group]]:
    """Return the candidates [layers][options] of a problem on an FPGA, those that others beat left out; do not edit.

    Units without a choice of format (at the option of `problem.rest`) belong to the first layer, at every option.
    """
    ops, follows = problem.workload.ops, problem.follows.tolist()
    every, writes = range(len(problem.options)), Rows.of(problem).writes
    matrices = [i for i, op in enumerate(ops) if candidates(op)]
    taken = {(i, option): option if follows[i] >= 0 else problem.rest for i in matrices for option in every}
    known = _candidates(problem, list(dict.fromkeys((i, option) for (i, _), option in taken.items())))
    found: list[list[Group]] = []
    for layer, name in enumerate(problem.layers):
        members = [i for i in matrices if max(follows[i], 0) == layer]
        members.sort(key=lambda i: ops[i].name != name)
        apart = {i for i in members[1:] if writes[i] != writes[members[0]]}
        found.append([tuple(_named(known[i, taken[i, o]], i, i in apart) for i in members) for o in every])
    return found


def _named(units: Units, op: int, apart: bool) -> Units:
    """The units of an op; of one that writes in another format than its layer, at the least that any takes."""
    written = units.written.min(axis=1, keepdims=True) if apart else units.written
    return replace(units, ops=(op,), written=written)


def within(group: Group, most_s: float) -> Units:
    """The units together, of candidates that all take no longer and that no cheaper ones replace."""
    return reduce(Units.joined, (unit.within(most_s) for unit in group), NOTHING)


def paced(group: Group, most_s: float, paths: Paths) -> Units:
    """The units together, of candidates that take no longer than `most_s`, with what they add to the paths.

    Each that follows is the cheapest of these, and adds as little as any of these does.
    """
    if not group:
        return replace(NOTHING, paid=np.zeros((1, 5 + len(paths))))
    first, *others = (unit.along(paths).keep(unit.paid[:, LONGEST] <= most_s) for unit in group)
    if not all(len(unit.paid) for unit in (first, *others)):
        return reduce(Units.beside, (unit.keep(slice(0)) for unit in group))
    for other in others:
        cheapest = np.lexsort((other.paid[:, LONGEST], other.paid[:, SPENT].sum(axis=1)))[:1]
        paid = other.paid[cheapest]
        paid[:, ALONG] = other.paid[:, ALONG].min(axis=0)
        one = replace(other.keep(cheapest), paid=paid)
        first = first.beside(one.keep(np.zeros(len(first.paid), np.int64)))
    return first


def _candidates(problem: Problem, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Units]:
    """The candidates of each (op, option), all weighed as one batch.

    Ops that differ in their names alone are weighed once.
    """
    workload, device = problem.workload, problem.device
    assert isinstance(device, Fpga)
    beside = placed(workload, Folding(0.0, 0.0))
    columns = (beside.waiting, beside.moved, paths(workload).outputs, ends(workload)[0])
    around = np.stack(np.broadcast_arrays(*columns), axis=-1)
    nameless = [replace(op, name="", inputs=()) for op in workload.ops]
    alike: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for i, option in wanted:
        alike.setdefault((nameless[i], option, *around[i].tolist()), []).append((i, option))
    first = [keys[0] for keys in alike.values()]
    folded = [_foldings(workload.ops[i], device) for i, _ in first]
    weighed = _weighed(problem, first, folded, around[[i for i, _ in first]])
    found: dict[tuple[int, int], Units] = {}
    for keys, choices, (paid, took, written) in zip(alike.values(), folded, weighed, strict=True):
        every = Units(paid, (keys[0][0],), choices[:, None, :], took, written)
        quick = took * np.where(np.arange(TIMES) == HIDDEN, -1.0, 1.0)
        judged = np.column_stack([paid[:, LONGEST], every.spent, quick])
        found |= dict.fromkeys(keys, every.keep(distinct(judged)))
    return found


def _foldings(op: Op, device: Fpga) -> Floats:
    """PE, SIMD, and whether products are in DSP blocks and weights in UltraRAM: float64[candidates, 4]."""
    places = [(dsp, uram) for dsp in (0.0, 1.0) for uram in ((0.0, 1.0) if device.uram else (0.0,))]
    found = [(pe, simd, *place) for place in places for pe, simd in candidates(op)]
    return np.array(found, dtype=np.float64)


def _weighed(
    problem: Problem, taken: Sequence[tuple[int, int]], folded: Sequence[Floats], around: Floats
) -> list[tuple[Floats, Floats, Floats]]:
    """What each folding of each (op, option) takes: float64[candidates, 5], its longest seconds and resources,
    float64[candidates, TIMES], the seconds of a path, and float64[candidates, options, 4], resources by what is written
    (`Units.written`)."""
    assert isinstance(problem.device, Fpga)
    counts = [len(choices) for choices in folded]
    batch: Op = map_fields(stack([problem.workload.ops[i] for i, _ in taken]), lambda c: np.repeat(c, counts))
    waiting, moved, outputs, entering = np.repeat(around, counts, axis=0).T
    folding = replace(Folding(*np.concatenate(folded).T), waiting=waiting, moved=moved)

    def repeated(precisions: Sequence[Precision]) -> Precision:
        return map_fields(stack(precisions), lambda c: np.repeat(c, counts))

    def resources(precision: Precision, *names: str) -> Floats:
        found = costs(batch, precision, device, folding) | memories(batch, precision, folding)
        return np.column_stack([np.broadcast_to(found[name], len(waiting)) for name in (*names, *RESOURCES)])

    device, options = problem.device, problem.options
    precision = repeated([options[o] for _, o in taken])
    images = float(problem.workload.batch)
    took = times(batch, precision, device, folding, batch=images, outputs=outputs, entering=entering)
    clock = np.broadcast_to(clock_hz(batch, precision, device), len(took))
    paid = resources(precision, "cycles")
    paid[:, LONGEST] /= clock
    formats = {option.activation.name: option.activation for option in options}
    if len(formats) > 1:
        by_format = {name: resources(repeated(_writing(problem, taken, each))) for name, each in formats.items()}
        written = np.stack([by_format[option.activation.name] for option in options], axis=1)
    else:
        written = paid[:, None, SPENT]
    after = np.cumsum(counts)[:-1]
    parts = (np.split(table, after) for table in (paid, took / clock[:, None], written))
    return list(zip(*parts, strict=True))


def _writing(problem: Problem, taken: Sequence[tuple[int, int]], written: Format) -> list[Precision]:
    """The precision of each (op, option) that writes in a format; one without weights reads what it writes."""
    used = [(problem.workload.ops[i], problem.options[o]) for i, o in taken]
    read = [p.activation if op.weight_elements > 0 else written for op, p in used]
    return [replace(p, activation=each, output=written) for (_, p), each in zip(used, read, strict=True)]
