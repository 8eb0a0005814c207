"""Choose PE and SIMD of every layer: a balanced pipeline that fits the device."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.columns import costs, memories
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.traffic_bound import memory_cycles, moved_bytes
from costmodel.estimators.fpga.unit import ON_FABRIC, Folding, height, streaming, width
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack, unstack
from costmodel.workload import Op, Workload

Floats = NDArray[np.float64]


LUT, DSP, BRAM18, URAM, CYCLES, MOVED = 5, 6, 7, 8, 9, 10
FLAGS, RESOURCES = slice(0, 5), slice(5, 9)
"""Columns of a candidate: the folding's pe, simd, dsp, uram and streamed, the resources in this order, cycles, and
those in which the memory brings what it moves."""
BRAM, ULTRA, MEMORY = 0, 1, 2
"""Where a candidate's weights are that are too many for LUTs."""

DEARER = np.array([
    [1, 1, 1, 1],
    [3, 1, 1, 1], [1, 3, 1, 1], [1, 1, 3, 1], [1, 1, 1, 3], [10, 1, 1, 1], [1, 10, 1, 1], [1, 1, 10, 1],
    [3, 3, 1, 1], [3, 1, 3, 1], [1, 3, 3, 1], [1, 0, 0, 0],
], dtype=np.float64)  # fmt: skip
"""Factors of the resources' prices in the order tried at each target: at one price a plan may lack a resource while
others are left. The last asks for the fewest LUTs, as an asked throughput does. Chosen on 4 networks of the zoo in
int2, int4, int6 and int8 on 10 boards: beside equal prices alone, a third of these get faster, none slower."""

ROUNDING = 1e-12
"""Relative error within which a throughput computed from a number of cycles still asks for that number."""


def fold(
    workload: Workload,
    precision: Precision,
    device: Fpga,
    *,
    utilisation: float = 0.7,
    throughput_per_s: float | None = None,
    streaming: bool = False,
) -> Folding:
    """Return a folding of every layer, PE dividing its height and SIMD its width; `precision` is one or a batch of ops.

    Without `throughput_per_s` the slowest layer is as fast as LUT, DSP, BRAM and URAM within `utilisation` x device
    allow: each layer takes the cheapest folding, by its shares of the device, that keeps up with it. With it every
    layer keeps up with that rate of images or sequences for the fewest LUTs, whether that fits or not. DSP blocks go to
    the layers where one saves most LUTs, while they last; weights move to URAM where a block of it saves most block
    RAM, and where that is not enough to the device's memory, as many as it brings in time, until the rest fits. A
    resource of which even the smallest design needs more than that share may be used whole. Where it needs more than
    there is, the network does not fit, and its totals show it: no folding is then taken that needs more of that
    resource than the smallest one does.
    ValueError where no folding reaches the throughput, or it is not above 0.
    """
    if throughput_per_s is not None and not throughput_per_s > 0:
        raise ValueError(f"throughput_per_s must be above 0, got {throughput_per_s}")
    used = [precision] * len(workload.ops) if isinstance(precision.math_pipe, str) else unstack(precision)
    known = tuple(replace(each, output=each.written) for each in used)
    return _fold(workload, known, device, utilisation, throughput_per_s, streaming)


@lru_cache(maxsize=16)
def _fold(
    workload: Workload,
    precision: tuple[Precision, ...],
    device: Fpga,
    utilisation: float,
    throughput_per_s: float | None,
    streaming: bool,
) -> Folding:
    """The folding for the precision of each op; do not edit."""
    limits = _limits(device.usable(utilisation))
    price = np.array([1.0, 0.0, 0.0, 0.0]) if throughput_per_s else 1 / np.maximum(limits, 1e-9)
    places = (BRAM, *[ULTRA] * bool(limits[3]), *[MEMORY] * streaming)
    tables = _tables(workload, precision, device, price=price, places=places)
    plain = tables[0, 0]
    if not plain.layers.size:
        return _spread(workload, np.empty((0, MOVED + 1)), plain)
    if throughput_per_s:
        target = workload.batch * device.clock_hz / throughput_per_s * (1 + ROUNDING)
        if target < plain.fastest:
            most = workload.batch * device.clock_hz / plain.fastest
            raise ValueError(f"throughput_per_s must be at most {most:.6g} on {device.name}, got {throughput_per_s}")
        return _spread(workload, _left_in_dsp(_plan(tables, target, limits), tables, limits), plain)
    reached = _reachable(tables, limits, _limits(device))
    return _spread(workload, _left_in_dsp(_fastest(tables, reached, price * DEARER), tables, reached), plain)


@dataclass(frozen=True)
class _Table:
    """Every candidate of every layer, each layer's together and the cheapest first; `layers` names each row's op."""

    rows: Floats
    layers: NDArray[np.int64]

    @property
    def fastest(self) -> float:
        """The least cycles that all layers can keep up with."""
        return float(max(self.rows[self.layers == layer, CYCLES].min() for layer in np.unique(self.layers)))

    def ordered(self, price: Floats) -> "_Table":
        """The same, the cheapest at that price of each resource first."""
        order = np.lexsort((self.rows[:, CYCLES], self.rows[:, RESOURCES] @ price, self.layers))
        return _Table(self.rows[order], self.layers[order])

    def steps(self) -> "_Table":
        """The candidates that are the first within some target: faster than all of the layer before them."""
        cycles, kept = self.rows[:, CYCLES], np.zeros(len(self.layers), dtype=bool)
        starts = np.flatnonzero(np.diff(self.layers, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(cycles)], strict=True):
            each = cycles[start:end]
            kept[start:end] = each < np.minimum.accumulate(np.concatenate([[np.inf], each[:-1]]))
        return _Table(self.rows[kept], self.layers[kept])

    def cheapest(self, target: float) -> Floats:
        """The first candidate of every layer within `target` cycles."""
        within = np.flatnonzero(self.rows[:, CYCLES] <= target)
        first = np.diff(self.layers[within], prepend=-1) > 0
        return self.rows[within[first]]


Tables = dict[tuple[int, int], _Table]
"""Candidates by whether products may take DSP blocks, and where weights are."""


def _tables(
    workload: Workload, precision: tuple[Precision, ...], device: Fpga, *, price: Floats, places: tuple[int, ...]
) -> Tables:
    ops = workload.batch_of_ops
    alike = len(set(precision)) == 1
    pairs = [(i, pe, simd) for i, op in enumerate(workload.ops) for pe, simd in candidates(op)]
    layers = np.array([i for i, _, _ in pairs], dtype=np.int64)
    pe, simd = np.array([(pe, simd) for _, pe, simd in pairs], dtype=np.float64).reshape(-1, 2).T
    batch: Op = map_fields(ops, lambda column: column[layers])
    chosen = precision[0] if alike else map_fields(stack(precision), lambda column: column[layers])
    beside = placed(workload, Folding(0.0, 0.0))
    here = Folding(pe, simd, waiting=beside.waiting[layers], moved=beside.moved[layers])
    tables = {}
    for dsp in (0, 1):
        found = costs(batch, chosen, device, replace(here, dsp=float(dsp)))
        for place in places:
            every = np.ones(len(pairs))
            flags = replace(here, dsp=dsp * every, uram=(place == ULTRA) * every, streamed=(place == MEMORY) * every)
            found |= memories(batch, chosen, flags) if place == ULTRA else {}
            found |= costs(batch, chosen, device, flags) if place == MEMORY else {}
            moved = memory_cycles(moved_bytes(batch, chosen, flags), device)
            columns = (flags.pe, flags.simd, flags.dsp, flags.uram, flags.streamed)
            kept = (found[n] for n in ("lut", "dsp", "bram18", "uram", "cycles"))
            rows = np.column_stack([*columns, *kept, moved])
            tables[dsp, place] = _Table(rows, layers).ordered(price)
    return tables


def _plan(tables: Tables, target: float, limits: Floats) -> Floats:
    """One candidate a layer at that target."""
    plans = {
        place: _in_dsp(tables[0, place].cheapest(target), tables[1, place].cheapest(target), limits)
        for place in (BRAM, ULTRA)
        if (0, place) in tables
    }
    onchip = _in_uram(plans[BRAM], plans.get(ULTRA, plans[BRAM]), limits)
    return _streamed(onchip, tables, target, limits)


def _in_dsp(luts: Floats, blocks: Floats, limits: Floats) -> Floats:
    """Products in DSP blocks where they save most LUTs a block, until none is left."""
    saved = (luts[:, LUT] - blocks[:, LUT]) / np.maximum(blocks[:, DSP], 1e-9)
    order = np.argsort(-saved, kind="stable")
    lasts = np.empty(len(order), dtype=bool)
    lasts[order] = np.cumsum(blocks[order, DSP]) <= limits[1]
    return np.where((lasts & (saved >= 0))[:, None], blocks, luts)


def _left_in_dsp(plan: Floats, tables: Tables, limits: Floats) -> Floats:
    """The plan with products in the DSP blocks that are left, where that alone saves LUTs: in `_in_dsp` the candidates
    differ in their foldings too, and one in DSP blocks that is cheaper for its block RAM may take more LUTs."""
    luts, blocks = (_folded_alike(tables[dsp, BRAM], plan) for dsp in (0, 1))
    moved, inside = plan.copy(), plan[:, 2] > 0
    moved[:, [2, DSP]] = blocks[:, [2, DSP]]
    moved[:, LUT] += blocks[:, LUT] - luts[:, LUT]
    left = limits - np.array([0.0, plan[:, DSP].sum(), 0.0, 0.0])
    found = plan.copy()
    found[~inside] = _in_dsp(plan[~inside], moved[~inside], left)
    return found


def _folded_alike(table: _Table, plan: Floats) -> Floats:
    """Each layer's candidate with the PE and SIMD of a plan."""
    _, layers = np.unique(table.layers, return_inverse=True)
    found: Floats = table.rows[(table.rows[:, :2] == plan[layers, :2]).all(axis=1)]
    return found


def _in_uram(plain: Floats, moved: Floats, limits: Floats) -> Floats:
    """Weights in URAM where a block of it saves most block RAM, until the rest fits or none goes into what is left."""
    saved = plain[:, BRAM18] - moved[:, BRAM18]
    order = np.argsort(-saved / np.maximum(moved[:, URAM], 1e-9), kind="stable")
    over, left = plain[:, BRAM18].sum() - limits[2], limits[3]
    plan = plain.copy()
    for layer in order[saved[order] > 0].tolist():
        if over > 0 and moved[layer, URAM] <= left:
            plan[layer] = moved[layer]
            over, left = over - saved[layer], left - moved[layer, URAM]
    return plan


def _streamed(plan: Floats, tables: Tables, target: float, limits: Floats) -> Floats:
    """Weights in the device's memory where block RAM is short all the same, those of which a block takes fewest cycles
    first, while the memory brings all within the target."""
    over = plan[:, BRAM18].sum() - limits[2]
    if over <= 0 or (0, MEMORY) not in tables:
        return plan
    table = tables[0, MEMORY]
    within = table.rows[:, CYCLES] <= target
    moved, found = plan.copy(), plan.copy()
    fast, first = np.unique(table.layers[within], return_index=True)
    position = np.searchsorted(np.unique(table.layers), fast)
    moved[position] = table.rows[within][first]
    saved, more = plan[:, BRAM18] - moved[:, BRAM18], moved[:, MOVED] - plan[:, MOVED]
    left = target - plan[:, MOVED].sum()
    for layer in np.argsort(-saved / np.maximum(more, 1.0), kind="stable")[: int((saved > 0).sum())].tolist():
        if over > 0 and more[layer] <= left:
            found[layer] = moved[layer]
            over, left = over - saved[layer], left - more[layer]
    return found


def _reachable(tables: Tables, limits: Floats, whole: Floats) -> Floats:
    """The limits, each raised to the whole device, or to what the smallest design needs, where that is more.

    Where LUTs or block RAM are short at these limits, DSP blocks or URAM may be used whole to save them.
    """
    onchip = {key: table for key, table in tables.items() if key[1] != MEMORY}
    short = _plan(onchip, np.inf, limits)[:, RESOURCES].sum(axis=0) > limits
    short |= short[[0, 0, 2, 2]]
    raised = np.where(short, whole, limits)
    needs: Floats = _plan(tables, np.inf, raised)[:, RESOURCES].sum(axis=0)
    return np.maximum(raised, needs)


def _fastest(tables: Tables, limits: Floats, prices: Floats) -> Floats:
    """The plan that fits of the least target, of those in the cycles that some candidate takes, by the first price.

    What fits is not monotone in the target: a slower unit may take fewer LUTs but more block RAM. What all layers need
    at least of each resource is, and rules out the targets before the first one tried.
    """
    plain = tables[0, 0]
    targets = np.unique(plain.rows[:, CYCLES])
    targets = targets[targets >= plain.fastest]
    first = bisect_left(targets, True, key=lambda target: bool(np.all(_least(tables, target) <= limits)))
    priced = [{key: table.ordered(price).steps() for key, table in tables.items()} for price in prices]
    plans = (_plan(by_price, target, limits) for target in targets[first:] for by_price in priced)
    fitting = (plan for plan in plans if np.all(plan[:, RESOURCES].sum(axis=0) <= limits))
    return next(fitting, _plan(tables, np.inf, limits))


def _least(tables: Tables, target: float) -> Floats:
    """Of each resource the least that any plan within the target takes."""
    layers = np.unique(tables[0, 0].layers)
    least = np.full((len(layers), 4), np.inf)
    for table in tables.values():
        within = table.rows[:, CYCLES] <= target
        reached, first = np.unique(table.layers[within], return_index=True)
        at = np.searchsorted(layers, reached)
        least[at] = np.minimum(least[at], np.minimum.reduceat(table.rows[within][:, RESOURCES], first))
    total: Floats = least.sum(axis=0)
    return total


def _limits(device: Fpga) -> Floats:
    return np.array([device.lut, device.dsp, device.bram18, device.uram], dtype=np.float64)


def _spread(workload: Workload, plan: Floats, table: _Table) -> Folding:
    """The plan over all ops, a folding of ones where an op is no unit."""
    columns = np.tile([[1.0], [1.0], [1.0], [0.0], [0.0]], len(workload.ops))
    columns[:, np.unique(table.layers)] = plan[:, FLAGS].T
    return Folding(*columns)


LANES = tuple(2**i for i in range(13))
"""Elements a cycle that a streaming unit may handle."""


def candidates(op: Op) -> list[tuple[int, int]]:
    """Every PE and SIMD that an op's unit may have, none where it becomes no unit."""
    if streaming(op):
        return [(pe, 1) for pe in LANES if pe <= op.output_elements]
    if op.kind not in ON_FABRIC:
        return []
    return [(pe, simd) for pe in _divisors(height(op)) for simd in _divisors(width(op))]


def _divisors(number: float) -> list[int]:
    whole = int(number)
    small = [d for d in range(1, int(whole**0.5) + 1) if whole % d == 0]
    return sorted({*small, *(whole // d for d in small)})
