"""What the slowest layer decides of a dataflow's plans, as tables of options: its clock, hence latency and rate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.columns import through
from costmodel.estimators.fpga.traffic_bound import ends, memory_cycles
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import stack
from costmodel.workload import Workload

Floats = NDArray[np.float64]


def pipeline(
    workload: Workload,
    options: tuple[Precision, ...],
    device: Fpga,
    folding: Folding,
    columns: Mapping[str, NDArray[Any]],
) -> dict[str, Floats]:
    """Return float64[ops, options] of `cycles`, of `latency_s`, and of seconds an image as `throughput_per_s`.

    The most over the ops is the plan's: they differ in their clocks, and those that read from memory in how long the
    input takes. Of several formats the memory is taken to bring as much a pass as of the one that moves most.
    """
    cycles, own = columns["cycles"], columns["latency_s"]
    clock = np.where(own > 0, cycles / np.where(own > 0, own, 1.0), float(device.clock_hz))
    interval = np.maximum(cycles.max(axis=0), memory_cycles(columns["bytes_moved"].sum(axis=0), device))
    took = np.array(
        [
            through(workload, stack([option] * len(workload.ops)), device, folding, interval=float(each)).cycles
            for option, each in zip(options, interval, strict=True)
        ]
    )
    decides = (ends(workload)[0] + np.asarray(folding.streamed) > 0)[:, None]
    return {
        "cycles": np.asarray(cycles),
        "latency_s": np.where(decides, took, took.min()) / clock,
        "throughput_per_s": interval / clock / workload.batch,
    }


def power(columns: Mapping[str, NDArray[Any]], pass_s: Floats, device: Fpga) -> dict[str, Floats]:
    """Watts of each op at the one rate of all plans, its share of the static power included; nothing where the rate
    depends on the plan or the device's power is not known."""
    if np.isnan(device.static_w) or np.ptp(pass_s) > 0 or not pass_s.max():
        return {}
    return {"power_w": columns["energy_j"] / pass_s.max() + device.static_w / len(pass_s)}
