"""What each layer of a dataflow may be: a format with the folding of its unit, and of the units that follow it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.folding_tables import candidates
from costmodel.estimators.fpga.layer import lut_parts
from costmodel.estimators.fpga.longest_path import HIDDEN, TIMES, times
from costmodel.estimators.fpga.memory import weight_place
from costmodel.estimators.fpga.output_stage import output_lut
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.traffic_bound import ends
from costmodel.estimators.fpga.unit import Folding, on_fabric
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from costmodel.workload import Op, Workload
from dse.pareto import distinct
from dse.problem import Problem
from dse.readers import Rows

Floats = NDArray[np.float64]

RESOURCES = ("lut", "dsp", "bram18", "uram")

LONGEST, SPENT, ALONG = 0, slice(1, 5), slice(5, None)
"""Columns of what an option costs: seconds that the slowest unit takes for a pass, RESOURCES in order, and the seconds
that its units add to each of some paths (`fpga.longest_path`)."""

ULTRA = 3
"""Column of a folding that says whether weights are in UltraRAM."""

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
        differing = {column.tobytes(): column for column in np.concatenate(told, axis=1).T}
        return np.column_stack(list(differing.values()))

    def keep(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Units":
        """Some of the candidates."""
        times = np.broadcast_to(self.times, (len(self.paid), TIMES))
        written = np.broadcast_to(self.written, (len(self.paid), *self.written.shape[1:]))
        return replace(self, paid=self.paid[rows], folded=self.folded[rows], times=times[rows], written=written[rows])

    def after(self, other: "Units") -> "Units":
        """These candidates of a unit, then others of it."""
        both: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("paid", "folded", "times", "written")
        }
        return replace(self, **both)

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


Group = tuple[Units, ...]
"""Candidates of each unit of a layer at one format: its own first, then those of the ops that follow it."""


def units(problem: Problem) -> list[list[Group]]:
    """Return the candidates [layers][options] of a problem on an FPGA, those that others beat left out.

    Units without a choice of format (at the option of `problem.rest`) belong to the first layer, at every option.
    """
    ops, follows = problem.workload.ops, problem.follows.tolist()
    every, writes = range(len(problem.options)), Rows.of(problem).writes
    matrices = [i for i, op in enumerate(ops) if candidates(op)]
    taken = {(i, option): option if follows[i] >= 0 else problem.rest for i in matrices for option in every}
    assert isinstance(problem.device, Fpga)
    wanted = tuple(dict.fromkeys((i, option) for (i, _), option in taken.items()))
    known = _candidates(problem.workload, problem.options, problem.device, wanted)
    homes, named = {i: _home(problem, writes, i) for i in matrices}, _Named()
    found: list[list[Group]] = []
    for layer, name in enumerate(problem.layers):
        members = [i for i in matrices if homes[i] == layer]
        members.sort(key=lambda i: ops[i].name != name)
        own = writes[members[0]] if members else layer
        rows = {i: (writes[i], own, layer) for i in members}
        found.append([tuple(replace(named(known[i, taken[i, o]], rows[i]), ops=(i,)) for i in members) for o in every])
    return found


def _home(problem: Problem, writes: Sequence[int], op: int) -> int:
    """The layer whose options a unit goes with: that it follows, or that in whose format it is."""
    layer, own = max(int(problem.follows[op]), 0), problem.workload.ops[op]
    place = {each.name: i for i, each in enumerate(problem.workload.ops)}
    alone = own.weight_elements > 0 or problem.follows[op] < 0 or writes[op] == writes[place[problem.layers[layer]]]
    return layer if alone or not 0 <= writes[op] < len(problem.layers) else writes[op]


@dataclass(frozen=True)
class _Named:
    """Units by what is written: as their layer, in the layer's own format, or at the least that any takes; the same
    object for the same candidates."""

    known: dict[tuple[int, bool], Units] = field(default_factory=dict)

    def __call__(self, units: Units, rows: tuple[int, int, int]) -> Units:
        """`rows` are in whose formats the op writes and its layer does, and the layer."""
        writes, of_layer, layer = rows
        if writes == of_layer:
            return units
        own = writes == layer and len(units.written[0]) > 1
        if (id(units), own) not in self.known:
            written = units.paid[:, None, SPENT] if own else units.written.min(axis=1, keepdims=True)
            self.known[id(units), own] = replace(units, written=written)
        return self.known[id(units), own]


@lru_cache(maxsize=1)
def _candidates(
    workload: Workload, options: tuple[Precision, ...], device: Fpga, wanted: tuple[tuple[int, int], ...]
) -> dict[tuple[int, int], Units]:
    """The candidates of each (op, option); do not edit.

    Ops that differ in their names alone are weighed once, and all at an option as one batch.
    """
    beside = placed(workload, Folding(0.0, 0.0))
    columns = (beside.waiting, beside.moved, paths(workload).outputs, ends(workload)[0])
    around = np.stack(np.broadcast_arrays(*columns), axis=-1)
    nameless = [replace(op, name="", inputs=()) for op in workload.ops]
    found: dict[tuple[int, int], Units] = {}
    for option in dict.fromkeys(o for _, o in wanted):
        alike: dict[tuple[Any, ...], list[int]] = {}
        for i in (i for i, o in wanted if o == option):
            alike.setdefault((nameless[i], *around[i].tolist()), []).append(i)
        first = [ops[0] for ops in alike.values()]
        weigh = _Weigh(options, device, float(workload.batch), options[option], [workload.ops[i] for i in first])
        for ops, each in zip(alike.values(), weigh(around[first]), strict=True):
            quick = each.times * np.where(np.arange(TIMES) == HIDDEN, -1.0, 1.0)
            judged = np.column_stack([each.paid[:, LONGEST], each.spent, quick])
            found |= dict.fromkeys([(i, option) for i in ops], each.keep(distinct(judged)))
    return found


@dataclass(frozen=True)
class _Weigh:
    """Weighs every folding of some ops at one precision; `options` are what may be written, in their formats."""

    options: tuple[Precision, ...]
    device: Fpga
    batch: float
    precision: Precision
    ops: list[Op]

    def __call__(self, around: Floats) -> list[Units]:
        """Each op's candidates; `around` float64[ops, 4] are elements that wait and are moved, outputs and inputs."""
        folded = [_foldings(op) for op in self.ops]
        owner = np.repeat(np.arange(len(self.ops)), [len(choices) for choices in folded])
        ops = map_fields(stack(self.ops), lambda column: column[owner])
        waiting, moved, outputs, entering = around[owner].T
        columns = np.concatenate(folded)
        folding = replace(Folding(*columns.T), waiting=waiting, moved=moved)
        took = times(ops, self.precision, self.device, folding, batch=self.batch, outputs=outputs, entering=entering)
        clock = np.broadcast_to(clock_hz(ops, self.precision, self.device), len(owner))[:, None]
        paid = _resources(ops, self.precision, self.device, folding, "cycles")
        paid[:, [LONGEST]] /= clock
        every = Units(paid, (), columns[:, None, :], took / clock, self._written(ops, folding, paid[:, None, SPENT]))
        ultra = self._in_ultra(every, ops, folding)
        rows = [np.flatnonzero(owner == i) for i in range(len(self.ops))]
        if ultra is None:
            return [every.keep(each) for each in rows]
        moved_to, there = ultra
        return [every.keep(each).after(there.keep(np.flatnonzero(owner[moved_to] == i))) for i, each in enumerate(rows)]

    def _in_ultra(self, every: Units, ops: Op, folding: Folding) -> tuple[NDArray[np.int64], Units] | None:
        """Those candidates whose weights are in block RAM, and what they are with these in UltraRAM."""
        deep = np.flatnonzero(weight_place(ops, folding) == "BRAM") if self.device.uram else np.zeros(0, np.int64)
        if not len(deep):
            return None
        there, few = every.keep(deep), partial(_few, rows=deep)
        there.folded[..., ULTRA] = 1.0
        blocks = memories(map_fields(ops, few), self.precision, replace(map_fields(folding, few), uram=1.0))
        for at, name in enumerate(RESOURCES):
            if name in blocks:
                there.paid[:, SPENT][:, at] = blocks[name]
                there.written[..., at] = np.asarray(blocks[name])[:, None]
        return deep, there

    def _written(self, ops: Op, folding: Folding, own: Floats) -> Floats:
        """RESOURCES by the option in whose format is written (`Units.written`): of units with weights it changes the
        outputs' LUTs alone; one without reads what it writes."""
        formats = {option.activation.name: option.activation for option in self.options}
        if len(formats) < 2:
            return own
        found = np.repeat(own, len(self.options), axis=1)
        parts = lut_parts(ops, self.precision, folding, kind=self.device.dsp_kind)
        passing = np.flatnonzero(ops.weight_elements == 0)
        few, folded = map_fields(ops, partial(_few, rows=passing)), map_fields(folding, partial(_few, rows=passing))
        for written in formats.values():
            same = np.flatnonzero([option.activation.name == written.name for option in self.options])
            output = np.where(on_fabric(ops), output_lut(ops, replace(self.precision, output=written), folding), 0.0)
            found[:, same, 0] = np.ceil(sum({**parts, "output": output}.values()))[:, None]
            if len(passing):
                read = replace(self.precision, activation=written, output=written)
                found[np.ix_(passing, same)] = _resources(few, read, self.device, folded)[:, None]
        return found


def _few(column: Any, rows: NDArray[np.int64]) -> Any:
    """Some rows of a column of a batch; what is the same in all stays."""
    return np.asarray(column)[rows] if np.ndim(column) else column


def _foldings(op: Op) -> Floats:
    """PE, SIMD, whether products are in DSP blocks, and weights in UltraRAM (none is): float64[candidates, 4]."""
    return np.array([(pe, simd, dsp, 0.0) for dsp in (0.0, 1.0) for pe, simd in candidates(op)], dtype=np.float64)


def _resources(ops: Op, precision: Precision, device: Fpga, folding: Folding, *names: str) -> Floats:
    """Some of the costs, and RESOURCES, of each folding: float64[candidates, names and 4]."""
    found = costs(ops, precision, device, folding)
    return np.column_stack([np.broadcast_to(found[name], len(folding.pe)) for name in (*names, *RESOURCES)])
