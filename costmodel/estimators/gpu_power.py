"""Board power of a GPU at work: idle power, and energy an operation and a byte at the rates that they run at.

power = idle + math joules x achieved operations/s + memory joules x achieved bytes/s, up to the board's limit, at which
clocks fall until the sum fits. Rates are those of the predicted or measured latency. The activity form follows Hong and
Kim, An integrated GPU power and performance model, ISCA 2010, doi 10.1145/1815961.1815998 (equation 3: idle power and
access rates times maxima); the limit is a smooth minimum of ours.
"""

from dataclasses import dataclass

import numpy as np

from costmodel.estimators.gpu_gemm import WEIGHT_COPIES
from costmodel.estimators.overlap import miss
from costmodel.hardware import Gpu
from costmodel.record import Real

L2_OVER_DRAM = 3.0
"""L2 bandwidth over DRAM bandwidth beyond which a rate counts as this: a judgement."""


@dataclass(frozen=True)
class PowerConstants:
    """What a fit finds for one device and pipe.

    `idle` and `ceiling` are shares of the power limit, `math`, `dram` and `l2` the shares that the pipe at its peak,
    the memory at its bandwidth and L2 at that same rate would add; exponents bend the first two, `sharpness` the cap.
    """

    idle: Real
    math: Real
    dram: Real
    l2: Real
    math_exponent: Real
    dram_exponent: Real
    ceiling: Real
    sharpness: Real


@dataclass(frozen=True)
class Activity:
    """How busy a device is: achieved over peak operations/s of the pipe, DRAM and L2 bytes/s over DRAM's bandwidth."""

    math: Real
    dram: Real
    l2: Real


def power_w(activity: Activity, gpu: Gpu, constants: PowerConstants) -> Real:
    """Mean board power in W while that activity lasts; all arguments broadcast."""
    c = constants
    busy = c.math * activity.math**c.math_exponent + c.dram * activity.dram**c.dram_exponent + c.l2 * activity.l2
    wanted = c.idle + busy
    return gpu.power_w * wanted * np.exp(-np.log1p((wanted / c.ceiling) ** c.sharpness) / c.sharpness)


def activity(
    *, flops: Real, weight_bytes: Real, stream_bytes: Real, latency_s: Real, peak_flops_per_s: Real, gpu: Gpu
) -> Activity:
    """The activity of work that takes `latency_s`: what L2 holds by size skips DRAM, as in `gpu_gemm`.

    Rates above a peak, which a latency too short would imply, count as the peak.
    """
    missed = weight_bytes * miss(WEIGHT_COPIES * weight_bytes + stream_bytes, gpu.l2_bytes)
    missed = missed + stream_bytes * miss(weight_bytes + stream_bytes, gpu.l2_bytes)
    hit = weight_bytes + stream_bytes - missed
    bandwidth = latency_s * gpu.memory_bytes_per_s
    return Activity(
        np.minimum(flops / (latency_s * peak_flops_per_s), 1.0),
        np.minimum(missed / bandwidth, 1.0),
        np.minimum(hit / bandwidth, L2_OVER_DRAM),
    )
