"""The least time of an op in a whole pass: calls are measured again and again, so that small ones find all in the L2.

A measured call cycles over five copies of its weights at most. In a pass the weights and caches of all other layers
come between two uses of the same ones, so that they are read from DRAM, unless all of the pass fits the L2. Of a layer
that runs again within the pass only what lies between its runs comes: of its weights as much may still be in the L2 as
that leaves room for.
"""

import numpy as np

from costmodel.estimators import traffic
from costmodel.estimators.prediction import Prediction, at_least
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
    L2 and the next one may find there, what exceeds the L2. A recurrence, and a layer that runs again, may find its
    weights where the last step or run left them, but for what was touched between (`op.again`), which is priced in the
    narrower of the op's formats, whatever those of other layers are.
    """
    kind, l2_bytes = np.asarray(op.kind), gpu.l2_bytes
    weights, cached = traffic.weight_bytes(op, precision) * op.weight_reads, traffic.kv_bytes(op, precision)
    weights = np.where(kind == "recurrence", np.maximum(weights - l2_bytes, 0.0), weights - _kept(op, precision, gpu))
    earlier = np.where(kind == "attention", cached * np.maximum(1.0 - op.m / op.n, 0.0), 0.0)
    read, written = traffic.stream_bytes(op, precision)
    passed_on = np.maximum(read + cached - earlier - l2_bytes, 0.0) + np.maximum(written - l2_bytes, 0.0)
    return weights + earlier + passed_on


def _kept(op: Op, precision: Precision, gpu: Gpu) -> Real:
    """Bytes of its weights that an execution of a layer that runs again may find in the L2, in the mean of its runs."""
    weights, again = traffic.weight_bytes(op, precision) * op.weight_reads, op.again
    bits = np.minimum(precision.weight.bits_per_element, precision.activation.bits_per_element)
    left = [
        gpu.l2_bytes - elements * bits / traffic.BITS_PER_BYTE
        for elements in (again.between_elements, again.around_elements)
    ]
    later, first = np.clip(left[0], 0.0, weights), np.where(left[1] >= weights, weights, 0.0)
    return np.where(again.share > 0, again.share * later + (1 - again.share) * first, 0.0)


def floor_s(op: Op, precision: Precision, gpu: Gpu) -> Real:
    """Seconds that those bytes of all executions take at the most bandwidth that was measured, idle time included."""
    return op.occupied * dram_bytes(op, precision, gpu) / (REACHED * gpu.memory_bytes_per_s)


def raised(found: Prediction, op: Op, precision: Precision, gpu: Gpu, *, resident: Real = False) -> Prediction:
    """The prediction and the low end of its interval at least at the floor, the high end as far above as it was.

    `resident` says of which ops the whole pass fits the L2: they stay as measured. All arguments broadcast.
    """
    return at_least(found, np.where(resident, 0.0, floor_s(op, precision, gpu)), "memory")
