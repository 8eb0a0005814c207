"""OperationConstants: what a fit finds for one device and kind of library call."""

from dataclasses import dataclass

from costmodel.record import Real


@dataclass(frozen=True)
class OperationConstants:
    """Shares of peak and bandwidth, half-rate lengths of a product's sides, calls of no work in a second.

    `channel_half` is the half-rate depth of a window (input channels of a 3 x 3 convolution), `cache_rate` the cache's
    rate over the memory's, `cache_fraction` the share of the cache that counts, `overlap` the p-norm's exponent.
    Convolutions of a GPU (estimators/gpu_conv.py) have in place of those lengths:
    step_cycles    cycles of one step along k: of a tile at least, or of a warp of threads that make an output each
    start_cycles   cycles that adding up the parts of a split k costs, or a thread's beginning and end
    wave_rounding  share of the last partial wave of thread blocks that is paid in full
    layout_cycles  launches of the kernels that change layouts, before and after
    layout_rate    rate at which they move activations, over the memory's; of filters `filter_rate`
    unaligned      how much longer steps of a 1 x 1 convolution take whose planes do not align
    """

    compute_efficiency: Real = 1.0
    memory_efficiency: Real = 1.0
    weight_efficiency: Real = 1.0
    vector_efficiency: Real = 1.0
    cache_rate: Real = 1.0
    cache_fraction: Real = 1.0
    overlap: Real = 1.0
    calls_per_s: Real = 1e5
    m_half: Real = 1e-3
    n_half: Real = 1e-3
    k_half: Real = 1e-3
    channel_half: Real = 1e-3
    step_cycles: Real = 1e-3
    start_cycles: Real = 1e-3
    wave_rounding: Real = 1.0
    layout_cycles: Real = 1e-3
    layout_rate: Real = 1.0
    filter_rate: Real = 1.0
    unaligned: Real = 1.0
