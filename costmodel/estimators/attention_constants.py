"""AttentionConstants: what a fit finds for one device and kind of attention."""

from dataclasses import dataclass

from costmodel.record import Real


@dataclass(frozen=True)
class AttentionConstants:
    """What a fit finds for one device and kind of attention; ratios to the spec sheet, or clock cycles.

    compute_efficiency  share of the pipe's peak at which an SM multiplies queries, keys and values
    memory_efficiency   share of the DRAM bandwidth
    sm_rate, l2_rate    keys and values that one SM takes in, and that the L2 gives to all: see estimators/gpu_attention
    l2_fraction         share of the L2 that counts before accesses reach DRAM
    softmax_cycles      cycles that 16 scores of a row cost beside the products: exponential, maximum, rescaling
    wave_rounding       share of the last partial wave of thread blocks that is paid in full
    overlap             exponent of the smooth maximum of arithmetic and memory
    launch_cycles       launches, the cache update before the kernel, one block's latency
    tile_cycles         prologue and epilogue of a thread block that others do not hide
    split_cycles        combining the parts where the keys of one query are split over thread blocks
    packing             exponent of heads a group that share a tile: 1 all heads of a group, 0 each its own
    """

    compute_efficiency: Real
    memory_efficiency: Real
    sm_rate: Real
    l2_rate: Real
    l2_fraction: Real
    softmax_cycles: Real
    wave_rounding: Real
    overlap: Real
    launch_cycles: Real
    tile_cycles: Real
    split_cycles: Real
    packing: Real
