"""Choose PE and SIMD of every layer: a balanced pipeline that fits the device."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.columns import evaluate
from costmodel.estimators.fpga.unit import ON_FABRIC, Folding, height, width
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from costmodel.workload import Op, Workload

Floats = NDArray[np.float64]


def fold(
    workload: Workload,
    precision: Precision,
    device: Fpga,
    *,
    utilisation: float = 0.7,
    throughput_per_s: float | None = None,
) -> Folding:
    """Return a folding of every layer, PE dividing its height and SIMD its width; `precision` is one or a batch of ops.

    Without `throughput_per_s` the slowest layer is as fast as LUT, DSP and BRAM within `utilisation` x device allow:
    each layer takes the cheapest folding, by its shares of the device, that keeps up with it. With it every layer keeps
    up with that rate for the fewest LUTs, whether that fits or not. DSP blocks go to the layers where one saves most
    LUTs, while they last. A network that does not fit at all is returned at PE = SIMD = 1: its totals show it.
    ValueError where no folding reaches the throughput.
    """
    limits = device.usable(utilisation)
    shares = np.array([1 / max(r, 1e-9) for r in (limits.lut, limits.dsp, limits.bram18)])
    price = np.array([1.0, 0.0, 0.0]) if throughput_per_s else shares
    tables = [_table(workload, precision, device, price=price, dsp=dsp) for dsp in (1.0, 0.0)]
    if not tables[0].layers.size:
        return _spread(workload, np.empty((0, 4)), tables[0])
    if throughput_per_s:
        target = device.clock_hz / throughput_per_s
        if target < tables[0].fastest:
            most = device.clock_hz / tables[0].fastest
            raise ValueError(f"throughput_per_s must be at most {most:.6g} on {device.name}, got {throughput_per_s}")
        return _spread(workload, _plan(tables, target, limits), tables[0])
    return _spread(workload, _fastest(tables, limits), tables[0])


@dataclass(frozen=True)
class _Table:
    """Every candidate of every layer, each layer's together and the cheapest first.

    rows [candidates, 7]: pe, simd, dsp flag, lut, dsp blocks, bram18, cycles; layers names each row's op.
    """

    rows: Floats
    layers: NDArray[np.int64]

    @property
    def fastest(self) -> float:
        """The least cycles that all layers can keep up with."""
        return float(max(self.rows[self.layers == layer, 6].min() for layer in np.unique(self.layers)))

    def cheapest(self, target: float) -> Floats:
        """The first candidate of every layer within `target` cycles."""
        within = np.flatnonzero(self.rows[:, 6] <= target)
        _, first = np.unique(self.layers[within], return_index=True)
        return self.rows[within[first]]


def _table(workload: Workload, precision: Precision, device: Fpga, *, price: Floats, dsp: float) -> _Table:
    ops = workload.batch_of_ops
    precisions = stack([precision] * len(workload.ops)) if isinstance(precision.math_pipe, str) else precision
    pairs = [(i, pe, simd) for i, op in enumerate(workload.ops) for pe, simd in _pairs(op)]
    layers = np.array([i for i, _, _ in pairs], dtype=np.int64)
    folding = Folding(
        np.array([pe for _, pe, _ in pairs]), np.array([simd for _, _, simd in pairs]), np.full(len(pairs), dsp)
    )
    batch: Op = map_fields(ops, lambda column: column[layers])
    chosen: Precision = map_fields(precisions, lambda column: column[layers])
    costs = evaluate(batch, chosen, device, folding)
    names = ("lut", "dsp", "bram18", "cycles")
    rows = np.stack([folding.pe, folding.simd, folding.dsp, *(costs[n] for n in names)], axis=1)
    order = np.lexsort((rows[:, 6], rows[:, 3:6] @ price, layers))
    return _Table(rows[order], layers[order])


def _plan(tables: list[_Table], target: float, limits: Fpga) -> Floats:
    """One candidate a layer at that target: in DSP blocks where they save most LUTs a block, until none is left."""
    blocks, luts = (table.cheapest(target) for table in tables)
    saved = (luts[:, 3] - blocks[:, 3]) / np.maximum(blocks[:, 4], 1e-9)
    order = np.argsort(-saved, kind="stable")
    lasts = np.empty(len(order), dtype=bool)
    lasts[order] = np.cumsum(blocks[order, 4]) <= limits.dsp
    return np.where((lasts & (saved >= 0))[:, None], blocks, luts)


def _fastest(tables: list[_Table], limits: Fpga) -> Floats:
    """Bisect over the cycles that some candidate takes for the least target whose plan fits."""
    targets = np.unique(np.concatenate([table.rows[:, 6] for table in tables]))
    targets = targets[targets >= max(table.fastest for table in tables)]
    low, high, best = 0, len(targets) - 1, None
    while low <= high:
        middle = (low + high) // 2
        plan = _plan(tables, targets[middle], limits)
        if _fits(plan, limits):
            best, high = plan, middle - 1
        else:
            low = middle + 1
    if best is not None:
        return best
    return np.stack([t[(t[:, 0] == 1) & (t[:, 1] == 1)][0] for t in _by_layer(tables[1])])


def _fits(plan: Floats, limits: Fpga) -> bool:
    return bool(np.all(plan[:, 3:6].sum(axis=0) <= (limits.lut, limits.dsp, limits.bram18)))


def _by_layer(table: _Table) -> list[Floats]:
    return [table.rows[table.layers == layer] for layer in np.unique(table.layers)]


def _spread(workload: Workload, plan: Floats, table: _Table) -> Folding:
    """The plan over all ops, 1 where an op is no unit."""
    columns = np.ones((3, len(workload.ops)))
    columns[:, np.unique(table.layers)] = plan[:, :3].T
    return Folding(*columns)


def _pairs(op: Op) -> list[tuple[int, int]]:
    if op.kind not in ON_FABRIC:
        return []
    return [(pe, simd) for pe in _divisors(height(op)) for simd in _divisors(width(op))]


def _divisors(number: float) -> list[int]:
    whole = int(number)
    small = [d for d in range(1, int(whole**0.5) + 1) if whole % d == 0]
    return sorted({*small, *(whole // d for d in small)})
