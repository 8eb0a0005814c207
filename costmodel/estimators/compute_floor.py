"""The least time of an op by its arithmetic: no kernel multiplies faster than the pipe's peak.

Intervals are quantiles of errors, and predictions of kinds that nobody measured carry other kinds' errors: neither
knows what a device cannot do. Of 450,000 measured products, convolutions and attentions on A100, L40S, H100 and H200
none exceeds the peak of its pipe, the nearest are bf16 products on an H100 (0.97), but for 48 of a kernel that is not
what its name says: int8 weights in sglang on an H100, whose activations are quantised too.
"""

import numpy as np

from costmodel.estimators import sparse_pipe
from costmodel.estimators.attention_pipe import products_on
from costmodel.estimators.gpu_conv import PIPES
from costmodel.estimators.prediction import Prediction, at_least
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op


def floor_s(op: Op, precision: Precision, gpu: Gpu) -> Real:
    """Seconds that the products of all executions take at the peak, idle time included; 0 where the pipe is missing.

    On the tensor units of the format, dense or for 2:4 weights, or on the vector units where those are faster;
    convolutions in fp32 may take tf32.
    """
    weighted = np.asarray(op.weight_elements) > 0
    rate = _peak(op, precision, gpu, np.where(weighted, sparse_pipe.speedup(op, precision.math_pipe, gpu), 1.0))
    return op.occupied * np.where(rate > 0, 2.0 * op.executed_macs / op.executions / np.where(rate > 0, rate, 1.0), 0.0)


def dense_flops_per_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """The peak of the pipe that each op's products are priced on, no weight taken as pruned; 0 where it is missing."""
    return _peak(op, precision, device, 1.0)


def _peak(op: Op, precision: Precision, device: Gpu | Cpu, speedup: Real) -> Real:
    pipe = products_on(op, precision, device)
    peak = device.peak_flops.of(pipe) * speedup
    convolution = np.char.startswith(np.asarray(op.kind).astype(str), "conv")
    for own, taken in PIPES.items():
        peak = np.where(convolution & (pipe == own), np.fmax(peak, device.peak_flops.of(taken)), peak)
    return np.where(peak > 0, np.fmax(peak, device.peak_flops.vector), 0.0)


def raised(found: Prediction, op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """The prediction and the low end of its interval at least at the floor, the high end as far above as it was."""
    return at_least(found, floor_s(op, precision, gpu), "compute")
