"""What every folding of every layer costs, as tables from which the cheapest within any number of cycles are read."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.traffic_bound import moved_bytes
from costmodel.estimators.fpga.unit import ON_FABRIC, Folding, height, streaming, width
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from costmodel.workload import Op, Workload

Floats = NDArray[np.float64]

LUT, DSP, BRAM18, URAM, CYCLES, MOVED = 5, 6, 7, 8, 9, 10
FLAGS, RESOURCES = slice(0, 5), slice(5, 9)
"""Columns of a candidate: the folding's pe, simd, dsp, uram and streamed, the resources in this order, the cycles of
the unit with weights on the chip, and those, not rounded up, in which the memory brings what it moves."""
BRAM, ULTRA, MEMORY = 0, 1, 2
"""Where a candidate's weights are that are too many for LUTs."""


@dataclass(frozen=True)
class Table:
    """Candidates of every layer, the fastest first.

    rows      float64[layers, candidates, columns], nan where a layer has fewer
    cheapest  int[prices, layers, candidates], at each price the candidate that is the cheapest of those up to this one
    """

    rows: Floats
    cheapest: NDArray[np.int64]

    @property
    def fastest(self) -> float:
        """The least cycles that all layers can keep up with."""
        return float(self.rows[:, 0, CYCLES].max())

    def priced(self, prices: Floats) -> "Table":
        """The same at prices of the resources, float64[prices, 4]."""
        cost = np.moveaxis(self.rows[..., RESOURCES] @ prices.T, -1, 0)
        least = np.minimum.accumulate(cost, axis=-1)
        better = np.ones(cost.shape, bool)
        better[..., 1:] = cost[..., 1:] < least[..., :-1]
        own = np.where(better, np.arange(cost.shape[-1]), 0)
        return replace(self, cheapest=np.maximum.accumulate(own, axis=-1))

    def within(self, target: float) -> tuple[Floats, NDArray[np.bool_]]:
        """The cheapest candidate of every layer within `target` cycles, float64[prices, layers, columns], and which
        layers have any."""
        layers, count = self._within(target)
        return self.rows[layers, self.cheapest[:, layers, np.maximum(count - 1, 0)]], count > 0

    def least(self, target: float) -> Floats:
        """Of each resource the least that a layer's candidates within the target take, float64[layers, 4]."""
        layers, count = self._within(target)
        return np.where((count > 0)[:, None], self._running[layers, np.maximum(count - 1, 0)], np.inf)

    def folded_alike(self, plan: Floats) -> Floats:
        """Each layer's candidate with the PE and SIMD of a plan, float64[layers, columns]."""
        same = (self.rows[..., :2] == plan[:, None, :2]).all(axis=-1)
        return np.asarray(self.rows[np.arange(len(plan)), same.argmax(axis=1)])

    @cached_property
    def _running(self) -> Floats:
        return np.minimum.accumulate(self.rows[..., RESOURCES], axis=1)

    def _within(self, target: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return np.arange(len(self.rows)), (self.rows[..., CYCLES] <= target).sum(axis=1)


Tables = dict[tuple[int, int], Table]
"""Candidates by whether products may take DSP blocks, and where weights are."""


def tables(
    workload: Workload,
    precision: tuple[Precision, ...],
    device: Fpga,
    units: list[int],
    price: Floats,
    places: tuple[int, ...],
) -> Tables:
    """Return the candidates of those ops that become units, with weights in each of `places`, at one price.

    Units that are alike are weighed once.
    """
    beside = placed(workload, Folding(0.0, 0.0))
    around = np.stack(np.broadcast_arrays(beside.waiting, beside.moved), axis=-1)
    known: dict[object, int] = {}
    alike = [(replace(workload.ops[i], name="", inputs=()), precision[i], *around[i].tolist()) for i in units]
    own = np.array([known.setdefault(each, len(known)) for each in alike])
    first = [units[i] for i in np.unique(own, return_index=True)[1].tolist()]
    found = _weighed([workload.ops[i] for i in first], [precision[i] for i in first], device, around[first], places)
    return {key: _table(rows, price, own) for key, rows in found.items()}


def _weighed(
    ops: list[Op], precision: list[Precision], device: Fpga, around: Floats, places: tuple[int, ...]
) -> dict[tuple[int, int], list[Floats]]:
    """The rows of each op's candidates; `around` float64[ops, 2] are elements that wait and are moved."""
    folded = [candidates(op) for op in ops]
    ends = np.cumsum([len(each) for each in folded])[:-1]
    layers = np.repeat(np.arange(len(ops)), [len(each) for each in folded])
    pe, simd = np.array([pair for each in folded for pair in each], dtype=np.float64).reshape(-1, 2).T
    batch: Op = map_fields(stack(ops), lambda column: column[layers])
    same = len(set(precision)) == 1
    chosen = precision[0] if same else map_fields(stack(precision), lambda column: column[layers])
    here, every = Folding(pe, simd, waiting=around[layers, 0], moved=around[layers, 1]), np.ones(len(layers))
    rows = {}
    for dsp in (0, 1):
        found = costs(batch, chosen, device, replace(here, dsp=float(dsp)))
        for place in places:
            flags = replace(here, dsp=dsp * every, uram=(place == ULTRA) * every, streamed=(place == MEMORY) * every)
            found |= memories(batch, chosen, flags) if place == ULTRA else {}
            found |= {**costs(batch, chosen, device, flags), "cycles": found["cycles"]} if place == MEMORY else {}
            moved = moved_bytes(batch, chosen, flags) / device.memory_bytes_per_s * device.clock_hz
            columns = (flags.pe, flags.simd, flags.dsp, flags.uram, flags.streamed)
            kept = (found[n] for n in ("lut", "dsp", "bram18", "uram", "cycles"))
            rows[dsp, place] = np.split(np.column_stack([*columns, *kept, moved]), ends)
    return rows


def _table(rows: list[Floats], price: Floats, own: NDArray[np.int64]) -> Table:
    """The table of layers that each have the rows of their own."""
    grid = np.full((len(rows), max(len(each) for each in rows), rows[0].shape[1]), np.nan)
    for at, each in enumerate(rows):
        grid[at, : len(each)] = each[np.lexsort((each[:, RESOURCES] @ price, each[:, CYCLES]))]
    found = Table(grid, np.zeros((1, 1, 1), np.int64)).priced(price[None])
    return Table(grid[own], found.cheapest[:, own])


LANES = tuple(2**i for i in range(13))
"""Elements a cycle that a streaming unit may handle."""


def candidates(op: Op) -> list[tuple[int, int]]:
    """Every PE and SIMD that an op's unit may have, none where it becomes no unit."""
    if streaming(op):
        return [(pe, 1) for pe in LANES if pe <= op.output_elements]
    if op.kind not in ON_FABRIC:
        return []
    return [(pe, simd) for pe in _divisors(float(height(op))) for simd in _divisors(float(width(op)))]


@lru_cache(maxsize=4096)
def _divisors(number: float) -> tuple[int, ...]:
    whole = int(number)
    small = [d for d in range(1, int(whole**0.5) + 1) if whole % d == 0]
    return tuple(sorted({*small, *(whole // d for d in small)}))
