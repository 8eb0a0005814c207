"""What a device's memory moves of a dataflow in an interval: the network's input and output, by their formats."""

import math

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.traffic_bound import memory_cycles, most_bytes
from costmodel.hardware import Fpga
from dse.problem import Problem

Floats = NDArray[np.float64]

MOVED = "bytes_moved"
"""The cost that says how much."""

MOST_SUMS = 4096
"""Most sums of bytes moved whose seconds are told."""

NEAR = 1e-12
"""Share of an interval that counts as none, as its seconds are rounded."""


def bytes_in(problem: Problem, most_s: float) -> float:
    """The most bytes that the memory moves in whole cycles of an interval, inf of one without end."""
    device = problem.device
    assert isinstance(device, Fpga)
    if math.isinf(most_s):
        return math.inf
    return most_bytes(math.floor(most_s * float(device.clock_hz) * (1 + NEAR)), device)


def moved_s(problem: Problem) -> Floats:
    """Seconds in which the memory moves what some choice of options does, in rising order."""
    device, lacking = problem.device, np.isinf(problem.loss)
    assert isinstance(device, Fpga)
    sums = np.zeros(1)
    for moved, barred in zip(problem.costs[MOVED], lacking, strict=True):
        sums = np.unique(sums[:, None] + np.unique(moved[~barred]))
        sums = sums if len(sums) <= MOST_SUMS else sums[[0, -1]]
    found: Floats = memory_cycles(sums, device) / float(device.clock_hz)
    return found
