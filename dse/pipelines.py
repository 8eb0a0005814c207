"""What decides the rate and the latency of a dataflow's plans: units, whose cycles no format changes, their clocks, and
the bytes that the device's memory moves, which add up over layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.clock import clock_hz
from costmodel.estimators.fpga.cycles import cycles
from costmodel.estimators.fpga.passage import passage, stages
from costmodel.estimators.fpga.traffic_bound import ends, memory_cycles, moved_bytes
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import stack
from costmodel.workload import Workload

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PACED = ("cycles", "latency_s", "throughput_per_s")
"""Metrics of a dataflow that do not add up over its layers."""


@dataclass(frozen=True)
class Through:
    """Cycles of the first image of a pass through its units, those that the slowest takes for each, and images."""

    first: float
    slowest: float
    batch: float

    def cycles(self, interval: Any) -> Floats:
        """Cycles of passes that leave such intervals."""
        each = np.maximum(self.slowest, np.asarray(interval) / self.batch)
        return np.asarray(np.maximum(self.first, each) + (self.batch - 1) * each)


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A folding's units, and what of their pace the formats change.

    cycles    float64[ops], of each unit a pass, at any format
    clock_hz  float64[layers, options], what a layer's units allow
    moved     float64[layers, options], bytes that the memory moves
    slowed    float64[layers, options, 1 + ops], what a pass waits for by itself: bytes of the network's input, and the
              cycles in which the streamed weights of each op come that take longer than its products, else 0
    follows   the index of the layer that each op follows, as `Problem.follows`
    """

    workload: Workload
    device: Fpga
    folding: Folding
    cycles: Floats
    clock_hz: Floats
    moved: Floats
    slowed: Floats
    follows: Ints

    def interval(self, moved: Any) -> Floats:
        """Cycles between passes that move so many bytes: the slowest unit's, or the memory's."""
        return np.asarray(np.maximum(self.cycles.max(), memory_cycles(moved, self.device)))

    def through(self, slowed: Floats) -> "Through":
        """A pass that is slowed as a row of `slowed` that is summed over layers."""
        return _through(self, tuple(slowed.tolist()))

    def clock(self, clocks: Any) -> Floats:
        """The clock of units that allow these, along the last axis."""
        return np.asarray(np.minimum(np.min(clocks, axis=-1), float(self.device.clock_hz)))

    def values(self, choices: Ints) -> dict[str, Floats]:
        """PACED of plans int[plans, layers] as `estimate` tells them, of the rate the seconds an image."""
        layers = np.arange(len(self.moved))
        interval = self.interval(self.moved[layers, choices].sum(axis=1))
        clock = self.clock(self.clock_hz[layers, choices])
        slowed, alike = np.unique(self.slowed[layers, choices].sum(axis=1), axis=0, return_inverse=True)
        took = np.zeros(len(choices))
        for i, row in enumerate(slowed):
            mine = alike.ravel() == i
            took[mine] = self.through(row).cycles(interval[mine])
        return {
            "cycles": interval,
            "latency_s": took / clock,
            "throughput_per_s": interval / clock / self.workload.batch,
        }

    def pass_s(self, available: NDArray[np.bool_]) -> float:
        """Seconds between passes at the one rate of all plans, 0 where it depends on the plan."""
        clocks = self.clock_hz[available]
        most = self.interval(np.where(available, self.moved, 0.0).max(axis=1).sum())
        if most > self.cycles.max() or not most or np.ptp(clocks) > 0:
            return 0.0
        return float(most / self.clock(clocks))


@lru_cache(maxsize=256)
def _through(line: Pipeline, slowed: tuple[float, ...]) -> Through:
    """Few rows differ of one folding, and each is asked for often."""
    come, batch, stalls = float(memory_cycles(slowed[0], line.device)), float(line.workload.batch), np.array(slowed[1:])
    whole = passage(line.workload, line.folding, input_cycles=come, stalls=stalls).cycles
    slowest = max(float(line.cycles.max()), come, float(stalls.max())) / batch
    return Through(whole - (batch - 1) * slowest, slowest, batch)


def pipeline(
    workload: Workload,
    options: tuple[Precision, ...],
    device: Fpga,
    folding: Folding,
    edited: Sequence[Workload],
    follows: Ints,
    rest: int,
) -> Pipeline:
    """Return what decides the pace of a folding's plans; `edited` is the workload that each option leaves."""
    ops = workload.batch_of_ops
    own = np.broadcast_to(cycles(ops, folding), len(workload.ops)).astype(np.float64)
    work = np.broadcast_to(stages(ops, folding, 1.0).work, len(own))
    streams = replace(folding, moved=0.0)
    columns = []
    for each, option in zip(edited, options, strict=True):
        precision = stack([option] * len(own))
        clocks = np.where(own > 0, clock_hz(each.batch_of_ops, precision, device), np.inf)
        moved = moved_bytes(each.batch_of_ops, precision, folding)
        stalls = memory_cycles(moved_bytes(each.batch_of_ops, precision, streams), device)
        come = ends(workload)[0] * precision.activation.bits_per_element / 8
        columns.append(
            [np.broadcast_to(c, len(own)) for c in (clocks, moved, come, np.where(stalls > work, stalls, 0))]
        )
    table = np.array(columns).transpose(1, 2, 0)
    table = np.where((follows >= 0)[None, :, None], table, table[:, :, [rest]])
    layer, count = np.maximum(follows, 0), int(follows.max()) + 1
    clock, moved, come = (np.zeros((count, len(options))) for _ in range(3))
    clock += np.inf
    np.minimum.at(clock, layer, table[0])
    np.add.at(moved, layer, table[1])
    np.add.at(come, layer, table[2])
    slowed = np.zeros((count, len(options), 1 + len(own)))
    slowed[..., 0] = come
    slowed[layer, :, 1 + np.arange(len(own))] = table[3]
    return Pipeline(workload, device, folding, own, clock, moved, slowed, follows)


def power(columns: Mapping[str, NDArray[Any]], pass_s: float, device: Fpga) -> dict[str, Floats]:
    """Watts of each op at the one rate of all plans, its share of the static power included; nothing where the rate
    depends on the plan, `pass_s` of 0, or the device's power is not known."""
    if np.isnan(device.static_w) or not pass_s:
        return {}
    return {"power_w": columns["energy_j"] / pass_s + device.static_w / len(columns["energy_j"])}
