"""Roofline latency: the slower of arithmetic at peak and compulsory traffic at full bandwidth.

Williams, Waterman, Patterson, Roofline: An Insightful Visual Performance Model for Multicore Architectures,
Communications of the ACM 52(4), 2009, doi 10.1145/1498765.1498785.
"""

import numpy as np

from costmodel.estimators import sparse_pipe
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.estimators.traffic import bytes_moved
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

NEAR = 0.2
"""Share of a datasheet's rate below which that rate does not hold an op back, a judgement: of the rows of calibrations,
large products reach 0.6 to 0.8 of a GPU's peak and large reads 0.9 of its bandwidth, poor kernels a third, calls that
are mostly launch a tenth and less."""


def compute_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """Time of the products at the dense peak of their pipe: 0 for an op without any, nan where the device lacks it.

    Weights meet activations in `math_pipe`, activations each other in `attention_pipe` or, dequantised, a wider one.
    """
    flops = 2.0 * op.executed_macs / sparse_pipe.speedup(op, precision.math_pipe, device)
    pipes = (precision.math_pipe, attention_pipe(precision, device))
    by_weights, by_activations = (device.peak_flops.of(pipe) for pipe in pipes)
    time_s = flops / np.where(op.weight_elements > 0, by_weights, by_activations)
    return np.where(flops > 0, time_s, 0.0)[()]


def vector_s(op: Op, device: Gpu | Cpu) -> Real:
    """Time of the arithmetic outside products at the vector peak."""
    return op.count * op.vector_flops / device.peak_flops.vector


def memory_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """Time of the compulsory traffic at full memory bandwidth."""
    return bytes_moved(op, precision) / device.memory_bytes_per_s


def latency_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """The roofline: products, vector arithmetic and traffic overlap perfectly, and but for waiting all else is free."""
    slower = np.maximum(memory_s(op, precision, device), vector_s(op, device))
    return np.maximum(compute_s(op, precision, device), slower) * (1.0 + op.waits)


def ridge_point(precision: Precision, device: Gpu | Cpu) -> Real:
    """The arithmetic intensity, in FLOP per byte, at which the two roofs meet."""
    return device.flops_per_s(precision) / device.memory_bytes_per_s


def arithmetic_intensity(op: Op, precision: Precision) -> Real:
    """FLOPs per byte moved."""
    return op.flops / bytes_moved(op, precision)


def bound(op: Op, precision: Precision, device: Gpu | Cpu, latency_s: Real = 0.0) -> Real:
    """What holds an op back that takes `latency_s`: "compute" (products or vector arithmetic), "memory" or "latency".

    The larger term of the roofline, if that is at least NEAR of the latency; else launches, waits or unfilled units are
    what is left to gain. By itself, as the roofline has it, no op is held back by latency.
    """
    compute, memory = (
        np.maximum(compute_s(op, precision, device), vector_s(op, device)),
        memory_s(op, precision, device),
    )
    rate = np.where(compute > memory, "compute", "memory")
    return np.where(np.maximum(compute, memory) < NEAR * np.asarray(latency_s), "latency", rate)
