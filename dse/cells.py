"""What each op costs at each precision on each GPU, evaluated once however many workloads of a sweep have it.

Workloads share most of their ops: a draft's are those of every draft length, a pruned layer's those of every context. A
workload's columns are sums over such cells, each as often as its op runs.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import compute_floor, dram_floor, energy, gpu_latency, power_prediction, roofline
from costmodel.estimators.fit import in_l2, in_memory
from costmodel.estimators.footprint import FOOTPRINT
from costmodel.estimators.traffic import BITS_PER_BYTE
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import changed, map_fields, stack
from costmodel.workload import Op
from dse.evaluation import COUNTED, OCCUPIED, STATES, STORED, WITH_FOOTPRINT, WITH_LATENCY, Columns, Grid, holding
from dse.sketches import Folded, Sketch

Floats = NDArray[np.float64]

MOST_OPS = 2**17
"""Distinct ops whose cells are kept."""

TOGETHER = 2**15
"""Cells that are evaluated at once."""

TIMED = ("latency_s", "energy_j")

RESIDENT = "resident_"
"""Before the name of what a cell takes in a pass that fits the L2."""


@dataclass
class Cells:
    """The cells of a grid, of `names` of its metrics: float64[ops, precisions, devices or 1], growing by need.

    `latency` is "estimate" or "roofline". The first op stands for none, with zeros for cells.
    """

    grid: Grid
    names: tuple[str, ...]
    latency: str
    rows: dict[Any, int] = field(default_factory=dict)
    columns: dict[str, Floats] = field(default_factory=dict)
    found: WeakKeyDictionary[Folded, NDArray[np.int64]] = field(default_factory=WeakKeyDictionary)

    @staticmethod
    def of(grid: Grid, names: Collection[str], latency: str) -> "Cells":
        """Empty cells for what the named metrics need."""
        wanted = {n for n in COUNTED if n in names}
        wanted |= {"latency_s"} if set(names) & set(WITH_LATENCY) else set()
        wanted |= {"energy_j"} & set(names)
        resident = {RESIDENT + n for n in wanted & set(TIMED)} if latency == "estimate" else set()
        stored = resident or set(names) & set(WITH_FOOTPRINT)
        wanted |= resident | (OCCUPIED if stored else set())
        return Cells(grid, tuple(sorted(wanted)), latency)

    def rows_of(self, passes: Sequence[Folded]) -> list[NDArray[np.int64]]:
        """Where the cells of each pass's ops are; those that are not there yet are evaluated."""
        if len(self.rows) > MOST_OPS:
            self.rows, self.columns, self.found = {}, {}, WeakKeyDictionary()
        unseen = [part for part in passes if part not in self.found]
        new = {key: op for p in unseen for key, op in zip(p.keys, p.ops, strict=True) if key not in self.rows}
        if new:
            self._add(new)
        for part in unseen:
            self.found[part] = np.array([self.rows[key] for key in part.keys])
        return [self.found[part] for part in passes]

    def _add(self, new: dict[Any, Op]) -> None:
        start = len(self.rows) + 1
        self.rows |= {key: start + i for i, key in enumerate(new)}
        found = cells(list(new.values()), self.grid, self.names, self.latency)
        for name, column in found.items():
            known = self.columns.get(name, np.zeros((1, *column.shape[1:])))
            self.columns[name] = np.concatenate([known, column])


def cells(ops: list[Op], grid: Grid, names: Collection[str], latency: str) -> Columns:
    """Return the named columns of one execution of each op: float64[ops, precisions, devices or 1]."""
    batch = changed(stack(ops), count=np.ones(len(ops)))
    op, precision = _on_axis(batch, 0), _on_axis(grid.precision, 1)
    shape = len(ops), len(grid.precisions)
    counted = [name for name in names if name in COUNTED]
    found = {name: np.broadcast_to(COUNTED[name](op, precision), shape)[..., None].copy() for name in counted}
    timed = [name for name in names if name.removeprefix(RESIDENT) in TIMED]
    found |= {name: np.full((*shape, grid.shape[1]), np.nan) for name in timed}
    if timed:
        for weighted in (False, True):
            at = np.flatnonzero((batch.weight_elements > 0) & (batch.kv_elements == 0) == weighted)
            _time(batch, at, grid, weighted, {name: found[name] for name in timed}, MODELS[latency])
    return found


def _time(
    batch: Op, at: NDArray[np.intp], grid: Grid, weighted: bool, found: Columns, model: Callable[..., Columns]
) -> None:
    """Fill in the times and energies of the ops `at`, which read one side of a precision, once for each such side."""
    chosen, which = _sides(grid.precisions, weighted)
    precision = _on_axis(stack(chosen), 1)
    step = max(1, TOGETHER // len(chosen))
    for rows in (at[start : start + step] for start in range(0, len(at), step)):
        op = _on_axis(map_fields(batch, itemgetter(rows)), 0)
        for d, device in enumerate(grid.records):
            columns = model(op, precision, device, "energy_j" in found)
            for name, column in found.items():
                column[rows, :, d] = columns[name][:, which]


def _estimated(op: Op, precision: Precision, gpu: Gpu, with_energy: bool) -> Columns:
    resident = compute_floor.raised(gpu_latency.predict(op, precision, gpu), op, precision, gpu)
    found = dram_floor.raised(resident, op, precision, gpu)
    columns: Columns = {}
    for prefix, latency in ((RESIDENT, resident), ("", found)):
        joules = power_prediction.energy_j(op, precision, gpu, latency) if with_energy else {}
        columns |= {prefix + name: column for name, column in (joules | {"latency_s": latency.latency_s}).items()}
    return columns


def _by_roofline(op: Op, precision: Precision, gpu: Gpu, with_energy: bool) -> Columns:
    joules = {"energy_j": energy.energy_j(op, precision, gpu)} if with_energy else {}
    return {"latency_s": roofline.latency_s(op, precision, gpu), **joules}


MODELS = {"estimate": _estimated, "roofline": _by_roofline}


def _sides(precisions: Sequence[Precision], weighted: bool) -> tuple[list[Precision], NDArray[np.int64]]:
    """Precisions that differ to ops with weights, or to ops without, and which of them each is like."""
    first = precisions[0]
    same = ("kv_cache", "attention_pipe") if weighted else ("weight", "math_pipe")
    sides = [replace(p, **{name: getattr(first, name) for name in same}) for p in precisions]
    chosen = list(dict.fromkeys(sides))
    return chosen, np.array([chosen.index(side) for side in sides])


def evaluate(sketches: Sequence[Sketch], known: Cells, names: Collection[str]) -> Columns:
    """Return named metrics of workloads at every precision on every device: float64[workloads, precisions, devices].

    They are what `dse.evaluation.evaluate` gives, to rounding; a metric that no GPU has is nan.
    """
    parts = list({id(p): p for s in sketches for p in s.passes}.values())
    rows = dict(zip(map(id, parts), known.rows_of(parts), strict=True))
    laid = _Laid.of(sketches, rows)
    found = {name: laid.summed(known.columns[name], stored=name in STORED) for name in known.names}
    if "weight_bytes" in known.names and "kv_bytes" in known.names:
        found |= _footprint(sketches, known.grid, found)
    for name in [name for name in TIMED if RESIDENT + name in found]:
        stays = in_l2(found["footprint_bytes"], known.grid.devices)
        found[name] = np.where(stays, found[RESIDENT + name], found[name])
    if "latency_s" in found:
        found["examples_per_s"] = np.array([s.batch for s in sketches])[:, None, None] / found["latency_s"]
    if "fits" in names:
        found["fits"] = in_memory(found["footprint_bytes"], known.grid.devices).astype(np.float64)
    if "loss" in names:
        noise = {layers: known.grid.loss(layers) for layers in {tuple(s.layers) for s in sketches}}
        found["loss"] = np.stack([noise[tuple(s.layers)] for s in sketches])[..., None]
    shape = (len(sketches), *known.grid.shape)
    told = {name: np.broadcast_to(found.get(name, np.array(np.nan)), shape) for name in names}
    of_part = {id(part): holding(part.ops, known.grid) for part in parts}
    held = np.array([np.all([of_part[id(part)] for part in s.passes], axis=0) for s in sketches])[..., None]
    return told if held.all() else {name: np.where(held, column, np.nan) for name, column in told.items()}


def _footprint(sketches: Sequence[Sketch], grid: Grid, found: Columns) -> Columns:
    bits = np.array([p.activation.bits_per_element for p in grid.precisions])
    peak = np.array([s.peak_elements for s in sketches])[:, None] * bits / BITS_PER_BYTE
    more = {"peak_activation_bytes": peak[..., None]}
    trains = np.array([s.phase == "training" for s in sketches])[:, None, None]
    more |= {state: np.where(trains, found[state], np.nan) for state in STATES}
    occupied = [np.nan_to_num((found | more)[part]) for part in FOOTPRINT if part in found | more]
    return more | {"footprint_bytes": sum(occupied[1:], occupied[0])}


@dataclass(frozen=True)
class _Laid:
    """Cells of workloads side by side, padded with the first: rows, runs and times, [workloads, ops]."""

    rows: NDArray[np.int64]
    runs: Floats
    times: Floats

    @staticmethod
    def of(sketches: Sequence[Sketch], rows: dict[int, NDArray[np.int64]]) -> "_Laid":
        most = max(sum(len(p.times) for p in s.passes) for s in sketches)
        shape = len(sketches), most
        laid = _Laid(np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape))
        for i, s in enumerate(sketches):
            at = 0
            for part, runs in zip(s.passes, s.runs, strict=True):
                to = at + len(part.times)
                laid.rows[i, at:to], laid.times[i, at:to] = rows[id(part)], part.times
                laid.runs[i, at:to] = part.runs * runs
                at = to
        return laid

    def summed(self, cells: Floats, *, stored: bool) -> Floats:
        """Sum cells over each workload's ops: float64[workloads, precisions, devices or 1]."""
        weights = self.times if stored else self.runs
        total = np.zeros((len(self.rows), *cells.shape[1:]))
        for column in range(self.rows.shape[1]):
            total += weights[:, column, None, None] * cells[self.rows[:, column]]
        return total


def _on_axis(batch: Any, axis: int) -> Any:
    shape = [1, 1]
    shape[axis] = -1
    return map_fields(batch, lambda column: np.reshape(column, shape))
