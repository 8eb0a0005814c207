"""What a dataflow reads from and writes to the device's memory, and the cycles in which that memory brings it."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.memory import weight_place, weight_word_bits
from costmodel.estimators.fpga.reach import paths
from costmodel.estimators.fpga.unit import Folding, matrix_depth, pixels
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload


@lru_cache(maxsize=64)
def ends(workload: Workload) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Elements of the network's input that each op reads, and of its output that each writes: float64[ops]."""
    laid, ops = paths(workload), workload.ops
    entering = [op.count * op.input_elements * (not read) for op, read in zip(ops, laid.reads, strict=True)]
    leaving = [op.count * op.output_elements * (i in laid.ends) for i, op in enumerate(ops)]
    return np.array(entering, dtype=np.float64), np.array(leaving, dtype=np.float64)


def moved_bytes(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bytes of a pass: of the network's input and output, and of streamed weights, all of which each output reads anew.

    FINN, MVAU with mem_mode "external": its weights are a stream that repeats for every output pixel.
    """
    words = op.count * pixels(op) * matrix_depth(op, folding)
    weights = np.where(weight_place(op, folding) == "memory", words * weight_word_bits(op, precision, folding), 0.0)
    return (weights + folding.moved * precision.activation.bits_per_element) / 8


def memory_cycles(moved: Real, device: Fpga) -> Real:
    """Cycles in which the memory moves so many bytes, at the device's design clock."""
    return np.ceil(moved / device.memory_bytes_per_s * device.clock_hz)


def most_bytes(cycles: float, device: Fpga) -> float:
    """The most bytes that the memory moves in whole cycles."""
    found = cycles * float(device.memory_bytes_per_s) / float(device.clock_hz)
    while float(memory_cycles(found, device)) > cycles:
        found = math.nextafter(found, 0.0)
    while found and float(memory_cycles(more := math.nextafter(found, math.inf), device)) <= cycles:
        found = more
    return found


def input_cycles(workload: Workload, precision: Precision, device: Fpga) -> float:
    """Cycles in which the memory brings the network's input of a pass; `precision` is a batch over its ops."""
    entering = float(np.sum(ends(workload)[0] * precision.activation.bits_per_element)) / 8
    return float(memory_cycles(entering, device))
