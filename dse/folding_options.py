"""What each layer of a dataflow may be: a format with the folding of its unit, and of the units that follow it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.folding import candidates
from costmodel.estimators.fpga.layer import lut_parts
from costmodel.estimators.fpga.longest_path import HIDDEN, TIMES, times
from costmodel.estimators.fpga.output_stage import output_lut
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.traffic_bound import ends
from costmodel.estimators.fpga.unit import Folding, on_fabric
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

Record = TypeVar("Record")

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
    homes = {i: _home(problem, writes, i) for i in matrices}
    found: list[list[Group]] = []
    for layer, name in enumerate(problem.layers):
        members = [i for i in matrices if homes[i] == layer]
        members.sort(key=lambda i: ops[i].name != name)
        own = writes[members[0]] if members else layer
        found.append([tuple(_named(known[i, taken[i, o]], i, (writes[i], own, layer)) for i in members) for o in every])
    return found


def _home(problem: Problem, writes: Sequence[int], op: int) -> int:
    """The layer whose options a unit goes with: that it follows, or that in whose format it is."""
    layer, own = max(int(problem.follows[op]), 0), problem.workload.ops[op]
    place = {each.name: i for i, each in enumerate(problem.workload.ops)}
    alone = own.weight_elements > 0 or problem.follows[op] < 0 or writes[op] == writes[place[problem.layers[layer]]]
    return layer if alone or not 0 <= writes[op] < len(problem.layers) else writes[op]


def _named(units: Units, op: int, rows: tuple[int, int, int]) -> Units:
    """The units of an op by what is written: as its layer, in the layer's own format, or at the least that any takes.

    `rows` are in whose formats the op writes and its layer does, and the layer.
    """
    writes, of_layer, layer = rows
    if writes == of_layer:
        return replace(units, ops=(op,))
    own = writes == layer and len(units.written[0]) > 1
    written = units.paid[:, None, SPENT] if own else units.written.min(axis=1, keepdims=True)
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
    batch = _repeated([problem.workload.ops[i] for i, _ in taken], counts)
    precision = _repeated([problem.options[o] for _, o in taken], counts)
    waiting, moved, outputs, entering = np.repeat(around, counts, axis=0).T
    folding = replace(Folding(*np.concatenate(folded).T), waiting=waiting, moved=moved)
    images = float(problem.workload.batch)
    took = times(batch, precision, problem.device, folding, batch=images, outputs=outputs, entering=entering)
    clock = np.broadcast_to(clock_hz(batch, precision, problem.device), len(took))
    paid = _resources(batch, precision, problem.device, folding, "cycles")
    paid[:, LONGEST] /= clock
    written = paid[:, None, SPENT]
    if len({option.activation.name for option in problem.options}) > 1:
        parts = lut_parts(batch, precision, folding, kind=problem.device.dsp_kind)
        written = _by_format(problem, taken, counts, (batch, folding, parts, written))
    after = np.cumsum(counts)[:-1]
    columns = (np.split(table, after) for table in (paid, took / clock[:, None], written))
    return list(zip(*columns, strict=True))


def _by_format(
    problem: Problem,
    taken: Sequence[tuple[int, int]],
    counts: Sequence[int],
    weighed: tuple[Op, Folding, Mapping[str, Any], Floats],
) -> Floats:
    """RESOURCES by the option in whose format is written: of units with weights it changes the outputs' LUTs alone."""
    (batch, folding, parts, own), device = weighed, problem.device
    assert isinstance(device, Fpga)
    found = np.repeat(own, len(problem.options), axis=1)
    passing = np.flatnonzero(np.repeat([problem.workload.ops[i].weight_elements == 0 for i, _ in taken], counts))

    def few(column: Any) -> Any:
        return np.asarray(column)[passing] if np.ndim(column) else column

    ops, foldings = map_fields(batch, few), map_fields(folding, few)
    for written in {option.activation.name: option.activation for option in problem.options}.values():
        same = np.array([option.activation.name == written.name for option in problem.options])
        precision = _repeated(_writing(problem, taken, written), counts)
        output = np.where(on_fabric(batch), output_lut(batch, precision, folding), 0.0)
        found[:, same, 0] = np.ceil(sum({**parts, "output": output}.values()))[:, None]
        if len(passing):
            rows = _resources(ops, map_fields(precision, few), device, foldings)
            found[np.ix_(passing, np.flatnonzero(same))] = rows[:, None]
    return found


def _resources(ops: Op, precision: Precision, device: Fpga, folding: Folding, *names: str) -> Floats:
    """Some of the costs, and RESOURCES, of each folding: float64[candidates, names and 4]."""
    found = costs(ops, precision, device, folding) | memories(ops, precision, folding)
    return np.column_stack([np.broadcast_to(found[name], len(folding.pe)) for name in (*names, *RESOURCES)])


def _repeated(records: Sequence[Record], counts: Sequence[int]) -> Record:
    """Each of the records as often as it has candidates, as one batch."""
    return map_fields(stack(records), lambda c: np.repeat(c, counts))


def _writing(problem: Problem, taken: Sequence[tuple[int, int]], written: Format) -> list[Precision]:
    """The precision of each (op, option) that writes in a format; one without weights reads what it writes."""
    used = [(problem.workload.ops[i], problem.options[o]) for i, o in taken]
    read = [p.activation if op.weight_elements > 0 else written for op, p in used]
    return [replace(p, activation=each, output=written) for (_, p), each in zip(used, read, strict=True)]
