"""The least time of an op in a whole pass: calls are measured again and again, so that small ones find all in the L2.

A measured call cycles over five copies of its weights at most. In a pass the weights and caches of all other layers
come between two uses of the same ones, so that they are read from DRAM, unless all of the pass fits the L2.
"""

from dataclasses import replace

import numpy as np

from costmodel.estimators import traffic
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

REACHED = 0.95
"""Share of a datasheet's bandwidth that nothing measured exceeds: reads of gigabytes on an H100 and an H200 (0.93 and
0.91; calibrations/h*00_sxm_torch_rows.parquet), products with weights larger than the L2 (0.92) and decodes with caches
of twice the L2 (0.95) on A100, L40S and H100, the rows of their calibrations."""


def dram_bytes(op: Op, precision: Precision, gpu: Gpu) -> Real:
    """Bytes that one execution of an op moves between DRAM and the GPU at least, within a pass larger than the L2.

    Its weights and the tokens cached before, once each; of its other operands, which the op before may have left in the
    L2 and the next one may find there, what exceeds the L2. A recurrence may find its weights where its last step left
    them.
    """
    kind, l2_bytes = np.asarray(op.kind), gpu.l2_bytes
    weights, cached = traffic.weight_bytes(op, precision) * op.weight_reads, traffic.kv_bytes(op, precision)
    weights = np.where(kind == "recurrence", np.maximum(weights - l2_bytes, 0.0), weights)
    earlier = np.where(kind == "attention", cached * np.maximum(1.0 - op.m / op.n, 0.0), 0.0)
    read, written = traffic.stream_bytes(op, precision)
    passed_on = np.maximum(read + cached - earlier - l2_bytes, 0.0) + np.maximum(written - l2_bytes, 0.0)
    return weights + earlier + passed_on


def floor_s(op: Op, precision: Precision, gpu: Gpu) -> Real:
    """Seconds that those bytes of all executions take at the most bandwidth that was measured, idle time included."""
    return op.occupied * dram_bytes(op, precision, gpu) / (REACHED * gpu.memory_bytes_per_s)


def raised(found: Prediction, op: Op, precision: Precision, gpu: Gpu, *, resident: Real = False) -> Prediction:
    """The prediction and the low end of its interval at least at the floor, the high end as far above as it was.

    `resident` says of which ops the whole pass fits the L2: they stay as measured. All arguments broadcast.
    """
    least_s = np.where(resident, 0.0, floor_s(op, precision, gpu))
    latency_s = np.maximum(found.latency_s, least_s)
    factor = np.where(found.latency_s > 0, latency_s / np.where(found.latency_s > 0, found.latency_s, 1.0), 1.0)
    return replace(
        found,
        latency_s=latency_s,
        low_s=np.maximum(found.low_s, least_s),
        high_s=np.maximum(found.high_s * factor, latency_s),
        bound=np.where(latency_s > found.latency_s, "memory", found.bound),
    )
