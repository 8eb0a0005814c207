"""Fits in which the L2 came out slower than the memory: small products are bound by latencies that no term has.

Such a fit knows its device's cache and no other. Where a what-if changes its size, it is left as it was, so that more
cache is never slower; a GPU that is not of the catalogue has one that is as fast as its memory at least.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from costmodel.catalog import UnknownNameError
from costmodel.estimators.gpu_gemm import l2_bytes_per_s
from costmodel.hardware import Gpu
from costmodel.hardware import gpu as named


def guarded(kind: Any, gpu: Any, constants: Any) -> tuple[Any, Any]:
    """The GPU and the constants that formulas are to see; both as they are but where the L2 is the slower of both."""
    if not isinstance(gpu, Gpu) or not hasattr(constants, "l2_rate"):
        return gpu, constants
    peak = gpu.peak_flops.of(kind.pipe)
    ratio = l2_bytes_per_s(gpu, peak, constants.l2_rate) / (gpu.memory_bytes_per_s * constants.memory_efficiency)
    if not np.all(ratio < 1.0):
        return gpu, constants
    try:
        return replace(gpu, l2_bytes=named(gpu.name).l2_bytes), constants
    except UnknownNameError:
        return gpu, replace(constants, l2_rate=constants.l2_rate / ratio)
