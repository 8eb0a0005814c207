"""GemmConstants: what a fit finds for one device and kind of matrix product."""

from dataclasses import dataclass

from costmodel.record import Real


@dataclass(frozen=True)
class GemmConstants:
    """What a fit finds for one device and kind of product; ratios to the spec sheet, or clock cycles.

    Fourteen in all. A fit finds the first eleven of every kind, `dequant_rate` of weight-only ones alone (twelve in
    all), `quant_cycles` and `quant_efficiency` of dynamically quantised ones alone (thirteen); others keep the default.
    `wave_rounding` is the share of the last partial wave that is paid in full, `overlap` the exponent of the smooth
    maximum of arithmetic and memory.
    """

    compute_efficiency: Real
    memory_efficiency: Real
    sm_rate: Real
    l2_rate: Real
    l2_fraction: Real
    mma_floor: Real
    wave_rounding: Real
    overlap: Real
    launch_cycles: Real
    tile_cycles: Real
    split_cycles: Real
    dequant_rate: Real = 1.0
    quant_cycles: Real = 0.0
    quant_efficiency: Real = 1.0
