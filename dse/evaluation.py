"""What designs cost: the columns of one workload at precisions x devices, summed over its ops."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import energy, roofline, traffic
from costmodel.estimators.assignment import per_op as of_ops
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import evaluate as per_op
from costmodel.estimators.fit import beyond, in_l2, in_memory
from costmodel.estimators.footprint import FOOTPRINT, optimizer_bytes, peak_activation_bytes
from costmodel.estimators.fpga import Design, fold, overlay
from costmodel.estimators.fpga.coverage import covered
from costmodel.estimators.passed_on import laid
from costmodel.estimators.supported import UnsupportedError, coded, holds_codes, require_supported
from costmodel.estimators.traffic import BITS_PER_BYTE
from costmodel.hardware import Device, Fpga, Gpu
from costmodel.precision import Precision
from costmodel.record import Real, map_fields, stack, unstack
from costmodel.workload import Op, Workload
from dse.noise import Kept, Noise
from dse.passes import Distinct, Pass

Floats = NDArray[np.float64]
Columns = dict[str, Floats]
R = TypeVar("R")

TILE = 2**16
"""Cells of a tile, an op at a precision on a device each: its temporaries stay in a core's cache."""

COUNTED: dict[str, Callable[[Op, Precision], Real]] = {
    "params": lambda op, _: op.params,
    "macs": lambda op, _: op.macs,
    "flops": lambda op, _: op.flops,
    "vector_flops": lambda op, _: op.count * op.vector_flops,
    "bops": traffic.bops,
    "weight_bytes": traffic.weight_bytes,
    "kv_bytes": traffic.kv_bytes,
    "bytes_moved": traffic.bytes_moved,
    "gradient_bytes": traffic.trained_bytes,
    "optimizer_bytes": optimizer_bytes,
}
"""Sums over ops that depend on no device."""

LAID_OUT: dict[str, Callable[[Workload, Precision, Fpga], Design]] = {
    "dataflow": fold,
    "streamed": partial(fold, streaming=True),
    "overlay": overlay.fit,
}
"""What lays a network out, by `axes.MAPPINGS`."""

STORED = ("params", "weight_bytes", "kv_bytes", "gradient_bytes", "optimizer_bytes")
"""Those that an op has once, however often it runs."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Precisions x devices of one class, `devices` a batch of them."""

    precisions: tuple[Precision, ...]
    devices: Device

    @cached_property
    def precision(self) -> Precision:
        """The precisions as one record of arrays."""
        return stack(self.precisions)

    @cached_property
    def states(self) -> bool:
        """Whether a precision states what layers write, so that ops without weights read that."""
        return any(each.output is not None for each in self.precisions)

    def rows(self, done: Distinct) -> Precision:
        """The precisions along the second of two axes, as the ops along the first take them."""
        return laid(done.place, self.precisions) if self.states else _on_axis(self.precision, 1, 2)

    def deep(self, done: Distinct) -> tuple[Precision, Any]:
        """The precisions along the second, the devices along the last of three axes."""
        return map_fields(self.rows(done), lambda column: column[..., None]), _on_axis(self.devices, 2, 3)

    @cached_property
    def records(self) -> list[Device]:
        """The devices one by one."""
        return unstack(self.devices)

    def loss(self, layers: Iterable[tuple[Kept, float]]) -> Floats:
        """The data-free proxy of so many layers by the share of weights kept, and caches: float64[precisions]."""
        return sum((count * self._noise[kept] for kept, count in layers), np.zeros(len(self.precisions)))

    @cached_property
    def _noise(self) -> Noise:
        return Noise(self.precisions)

    @cached_property
    def joules(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Energy of a product of weights, one of activations, a vector flop, a byte: float64[precisions, devices]."""
        device: Any = _on_axis(self.devices, 1, 2)
        precision = _on_axis(self.precision, 0, 2)
        pipes = (precision.math_pipe, attention_pipe(precision, device))
        products = (energy.mac_j(pipe, device.process_m) for pipe in pipes)
        return *products, energy.vector_j(device.process_m), energy.dram_j(1.0, device)

    @property
    def shape(self) -> tuple[int, int]:
        """How many precisions and devices there are."""
        return len(self.precisions), len(np.atleast_1d(self.devices.memory_bytes))


def evaluate(done: Pass, grid: Grid, names: Collection[str], latency: str) -> Columns:
    """Return the named metrics of a pass at every precision on every device: float64[precisions, devices].

    `latency` is "estimate" (what costmodel.estimate uses) or "roofline". A metric that a device does not have, or
    cannot run, is nan, as all are on devices that have no link or decoder for it, and in formats of other bits than
    its codes.
    """
    try:
        require_supported(done.workload, grid.devices)
    except UnsupportedError:
        return {name: np.full(grid.shape, np.nan) for name in names}
    if isinstance(grid.devices, Fpga):
        found = _on_fpgas(done, grid, latency)
    else:
        found = _counted(done, grid, {*names, "bytes_moved"} if "energy_j" in names else names)
        found |= (_by_roofline if latency == "roofline" else _by_estimate)(done, grid, names, found)
        if "latency_s" in found:
            found["examples_per_s"] = done.workload.batch / found["latency_s"]
        if "fits" in names:
            found["fits"] = np.asarray(in_memory(found["footprint_bytes"], grid.devices), dtype=np.float64)
    if "loss" in names:
        found["loss"] = grid.loss(done.layers.items())[:, None]  # the proxy of dse.choices: every layer's noise added
    nan = np.full((1, 1), np.nan)
    told = {name: np.broadcast_to(found.get(name, nan), grid.shape) for name in names}
    held = holding(done.workload.ops, grid)
    return told if held.all() else {name: np.where(held[:, None], column, np.nan) for name, column in told.items()}


def holding(ops: Iterable[Op], grid: Grid) -> NDArray[np.bool_]:
    """Whether each precision's weight format has the bits of the codes of every op: bool[precisions]."""
    codes = coded(ops)
    return np.array([all(holds_codes(op, used) for op in codes) for used in grid.precisions])


WITH_LATENCY = ("latency_s", "examples_per_s")
STATES = frozenset(("gradient_bytes", "optimizer_bytes"))
"""What training alone keeps."""
OCCUPIED = STATES | {"weight_bytes", "kv_bytes"}
"""What occupies memory beside activations."""
WITH_FOOTPRINT = ("gradient_bytes", "optimizer_bytes", "footprint_bytes", "peak_activation_bytes", "fits")


def _counted(done: Pass, grid: Grid, names: Collection[str]) -> Columns:
    """Metrics that no device decides: float64[precisions, 1]."""
    footprint = bool(set(names) & set(WITH_FOOTPRINT))
    trains = done.workload.phase == "training"
    wanted = set(names) | (OCCUPIED if footprint else set())
    wanted -= set() if trains else STATES
    op, precision = _on_axis(done.counted.batch, 0, 2), grid.rows(done.counted)
    found = {name: done.counted.summed(COUNTED[name](op, precision))[:, None] for name in COUNTED if name in wanted}
    if footprint:
        found["peak_activation_bytes"] = _peak_bytes(done, grid)[:, None]
        occupied = [found[part] for part in FOOTPRINT if part in found]
        found["footprint_bytes"] = np.asarray(reduce(np.add, occupied))
    return found


def _peak_bytes(done: Pass, grid: Grid) -> Floats:
    """The most bytes of activations alive at once at each precision: float64[precisions]."""
    if not grid.states:
        return np.asarray(done.peak_elements * grid.precision.activation.bits_per_element / BITS_PER_BYTE)
    return np.array([peak_activation_bytes(done.workload, stack(of_ops(done.workload, p))) for p in grid.precisions])


def _by_roofline(done: Pass, grid: Grid, names: Collection[str], counted: Columns) -> Columns:
    found: Columns = {}
    if "energy_j" in names:
        found["energy_j"] = _energy_j(done, grid, counted["bytes_moved"])
    if set(names) & set(WITH_LATENCY):
        rows, columns = grid.shape
        latency = found["latency_s"] = np.empty(grid.shape)
        wide = min(columns, max(1, TILE // len(done.counted.ops)))
        tall = max(1, TILE // (len(done.counted.ops) * wide))
        op, (precision, device) = _on_axis(done.counted.batch, 0, 3), grid.deep(done.counted)
        for row in range(0, rows, tall):
            part = _cut(precision, 1, row, row + tall)
            for column in range(0, columns, wide):
                time_s = roofline.latency_s(op, part, _cut(device, 2, column, column + wide))
                latency[row : row + tall, column : column + wide] = done.counted.summed(time_s)
    return found


def _energy_j(done: Pass, grid: Grid, moved_bytes: Floats) -> Floats:
    """`energy.energy_j` summed over ops, which it is linear in: sums first, then joules [precisions, devices]."""
    op = done.counted.batch
    by_weights = op.weight_elements > 0
    macs = op.executed_macs * done.counted.times
    product, attention, vector, byte = grid.joules
    arithmetic = product * macs[by_weights].sum() + attention * macs[~by_weights].sum()
    flops = (op.count * op.vector_flops * done.counted.times).sum()
    return np.asarray(arithmetic + vector * flops + byte * moved_bytes)


def _by_estimate(done: Pass, grid: Grid, names: Collection[str], _: Columns) -> Columns:
    """Latency and energy by what costmodel.estimate evaluates, a device at a time."""
    wanted = [n for n in ("latency_s", "energy_j") if n in names or (n == "latency_s" and "examples_per_s" in names)]
    if not wanted:
        return {}
    distinct = done.on_gpu if isinstance(grid.devices, Gpu) else done.counted
    op, precision = _on_axis(distinct.batch, 0, 2), grid.rows(distinct)
    kept = _counted(done, grid, ("footprint_bytes",))["footprint_bytes"][:, 0]
    tables = [per_op(device, op, precision, None, resident=in_l2(kept, device)) for device in grid.records]
    return {name: np.stack([distinct.summed(columns[name]) for columns in tables], axis=1) for name in wanted}


def _on_fpgas(done: Pass, grid: Grid, latency: str) -> Columns:
    """Each design folded to its fastest balanced pipeline or on its fastest array; formats that no formula covers, and
    arrays that do not fit, give nan."""
    if latency == "roofline":
        raise ValueError(f'latency = "roofline" is a model of GPUs and CPUs, got {grid.records[0].name}')
    rows = [[_totals(done, precision, device) for device in grid.records] for precision in grid.precisions]
    found = {name for row in rows for totals in row for name in totals}
    table = {name: np.array([[totals.get(name, np.nan) for totals in row] for row in rows]) for name in found}
    if "throughput_per_s" in table:
        table["examples_per_s"] = table["throughput_per_s"]
    return table


def _totals(done: Pass, precision: Precision, device: Device) -> dict[str, float]:
    if not covered(precision):
        return {}
    try:
        totals = estimate(done.workload, precision, device, design=LAID_OUT[done.mapping]).totals
    except overlay.NoArrayError:
        return {}
    return {**totals, "fits": float(not beyond(totals, device))}


def _on_axis(batch: R, axis: int, rank: int) -> R:
    """A batch with its fields along one axis of a grid."""
    shape = [1] * rank
    shape[axis] = -1
    return map_fields(batch, lambda column: np.reshape(column, shape))


def _cut(batch: R, axis: int, start: int, stop: int) -> R:
    """A part of a batch along its axis."""
    where = (slice(None),) * axis + (slice(start, stop),)
    return map_fields(batch, lambda column: column[where])
