"""Dynamic energy of a design on an FPGA: an order of magnitude from published energies of other parts, scaled.

LUTs: Shang, Kaviani and Bathala, Dynamic Power Consumption in Virtex-II FPGA Family, FPGA 2002, doi
10.1145/503048.503072: 5.9 uW a MHz for a CLB (8 LUTs with flip-flops, routing and clock) of a typical design at 150 nm
and 1.5 V. DSP and block RAM: Horowitz, ISSCC 2014, doi 10.1109/ISSCC.2014.6757323 (45 nm, 0.9 V): a 32-bit integer
product 3.1 pJ, 64 bits from an 8 KB memory 10 pJ, here for 18 x 27 bits and for 36 bits of 2 KB. Each goes to the
device's process with capacitance proportional to its length and the square of the supply (a judgement). LUTs and DSPs
take that at a vendor's default toggle rate and in proportion to the design's, a block RAM is read every cycle. Static
power is the whole device's and in the totals alone; a junction some tens of degrees warmer leaks a multiple of it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from costmodel.hardware import Fpga
from costmodel.record import Real

NODES_M, SUPPLY_V = (7e-9, 16e-9, 20e-9, 28e-9), (0.8, 0.85, 0.9, 1.0)
"""Core supplies of Versal, UltraScale+, Arria 10 and 7 series parts (AMD DS956, DS922, Intel A10-DATASHEET, DS187)."""
DEFAULT_TOGGLES, RANDOM_TOGGLES = 0.125, 0.5
"""Share of signals that change in a cycle: as AMD's tools assume (UG907), and of random data."""
OFF_BY = RANDOM_TOGGLES / DEFAULT_TOGGLES
"""Dynamic power may be so many times more, as for random data, or less (a judgement)."""
LUT_J, LUT_AT = 5.9e-12 / 8, (150e-9, 1.5)
DSP_J, BRAM18_J, HARD_AT = 3.1e-12 * 18 * 27 / 32**2, 10e-12 * (36 / 64) * 0.5, (45e-9, 0.9)


def dynamic_j(resources: Mapping[str, Any], cycles: Real, device: Fpga) -> Real:
    """Joules of `cycles` busy cycles of these resources; nan where the device's process is not known."""
    lut, hard = (_scale(device, *at) for at in (LUT_AT, HARD_AT))
    blocks = resources["bram18"] + 8 * resources["uram"]
    switched = resources["lut"] * LUT_J * lut + resources["dsp"] * DSP_J * hard
    return cycles * (switched * (device.toggle_rate / DEFAULT_TOGGLES) + blocks * BRAM18_J * hard)


def power(dynamic_w: float, device: Fpga) -> dict[str, float]:
    """Watts while passes follow one another: dynamic, and where the device's is known static and both together, with
    the bounds that OFF_BY gives, the upper one where all signals change at most."""
    known = {"dynamic_power_w": dynamic_w}
    if not np.isnan(device.static_w):
        static, most = float(device.static_w), min(OFF_BY, 1 / max(device.toggle_rate, 1e-9))
        known |= {"static_power_w": static, "power_w": dynamic_w + static}
        known |= {"power_low_w": dynamic_w / OFF_BY + static, "power_high_w": dynamic_w * most + static}
    return known


def _scale(device: Fpga, node_m: float, supply_v: float) -> float:
    volts = np.interp(device.process_m, NODES_M, SUPPLY_V)
    return float(device.process_m / node_m * (volts / supply_v) ** 2)
