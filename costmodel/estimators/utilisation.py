"""How much of a device's peaks a pass uses: the least time of its products, and of its DRAM traffic, over its latency.

Chowdhery et al., PaLM, arXiv 2204.02311, appendix B: model FLOPs utilisation counts FLOPs that the model needs, over
the dense peak of what they run on.
"""

import numpy as np

from costmodel.estimators import compute_floor, dram_floor, traffic
from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op


def product_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """Seconds of the products that all executions need at the dense peak of the pipe that each op is priced on.

    Neither zeros among weights nor masked scores count.
    """
    flops = 2.0 * op.macs * op.mask_density
    rate = compute_floor.dense_flops_per_s(op, precision, device)
    return np.where(rate > 0, flops / np.where(rate > 0, rate, 1.0), 0.0)


def memory_s(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """Seconds of the bytes that all executions move at least, at full bandwidth.

    On a GPU those that its DRAM moves (dram_floor): weights and earlier tokens, and of what one op passes on to the
    next as much as exceeds the L2. On a processor every operand once.
    """
    if isinstance(device, Gpu):
        return op.count * dram_floor.dram_bytes(op, precision, device) / device.memory_bytes_per_s
    return traffic.bytes_moved(op, precision) / device.memory_bytes_per_s


def share(least_s: Real, latency_s: Real) -> float:
    """The summed least times over the summed latencies, no op's above its latency: small ones are served by caches."""
    return float(np.sum(np.minimum(least_s, latency_s)) / np.sum(latency_s))
