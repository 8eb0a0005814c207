"""How arithmetic and memory share time, and what a cache keeps from memory: parts that models of kernels have alike."""

import numpy as np

from costmodel.record import Real

OVERLAP_CYCLES = 3e4
"""Run time from which on arithmetic and memory overlap visibly better."""


def overlapped_s(compute_s: Real, memory_s: Real, sharpness: Real, patience_s: Real) -> Real:
    """Smooth maximum of both times: a p-norm whose exponent grows with the logarithm of the run time."""
    longer = np.maximum(compute_s, memory_s)
    shorter = np.minimum(compute_s, memory_s)
    power = sharpness * (1.0 + np.log1p(longer / patience_s))
    return longer * np.exp(np.log1p(np.exp(power * np.log(shorter / longer))) / power)


def miss(footprint_bytes: Real, cache_bytes: Real) -> Real:
    """Share of accesses that a cache of that size sends to DRAM: a steep, smooth step."""
    squared = (cache_bytes / np.maximum(footprint_bytes, 1.0)) ** 2
    fourth = squared * squared
    return 1.0 / (1.0 + fourth * fourth)
