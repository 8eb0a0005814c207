"""Pipes that are no tensor units: fused multiply-adds of single threads, without a smallest tile to fill.

NVIDIA, CUDA C++ Programming Guide, arithmetic throughput: fp32 has no matrix instruction, so that a product of one row
executes as many instructions as it has products.
"""

import numpy as np
from numpy.typing import NDArray

from costmodel.hardware import Gpu
from costmodel.record import Real


def multiply(pipe: Real, gpu: Gpu) -> NDArray[np.bool_]:
    """Whether a GPU's vector units do a pipe's products, or each of a batch's: it is no faster than they are."""
    return np.asarray(gpu.peak_flops.of(pipe) <= gpu.peak_flops.vector)


def feeding(flops_per_s: Real, gpu: Gpu) -> Real:
    """What an SM could multiply as 16-bit products, where that is more: its supply of operands is built for those."""
    return np.fmax(np.fmax(flops_per_s, gpu.peak_flops.bf16), gpu.peak_flops.fp16)
