"""What a GPU's pipe for 2:4 sparse weights gains: half of the products of the pipes that have it.

Mishra et al., Accelerating Sparse Deep Neural Networks, arXiv 2104.08378, section 3.
"""

import numpy as np

from costmodel.hardware import Cpu, Gpu
from costmodel.record import Real
from costmodel.workload import Op

PIPES = ("tf32", "fp16", "bf16", "fp8", "fp6", "fp4", "int8", "int4")
"""Pipes of tensor cores that skip zeros; fp64 and the vector units have no such mode."""


def speedup(op: Op, pipe: Real, device: Gpu | Cpu) -> Real:
    """Rate at which an op's products run over the dense one: `sparse_speedup` for 2:4 weights on PIPES, else 1."""
    if isinstance(device, Cpu) or not np.any(op.weight_block):
        return 1.0
    fits = (op.weight_block == 4) & (op.weight_density <= 0.5) & np.any([pipe == name for name in PIPES], axis=0)
    return np.where(fits, device.sparse_speedup, 1.0)[()]
