"""The clock that a layer's logic reaches: the device's design clock, unless its longest path is slower."""

import numpy as np

from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.unit import on_fabric
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

STAGE_LEVELS = 4.0
"""LUT levels between two registers of a pipelined product or tree."""
NODES_M = (7e-9, 16e-9, 20e-9, 28e-9)
LEVEL_S = (0.3e-9, 0.45e-9, 0.6e-9, 0.8e-9)
"""A LUT and the net behind it by process: a judgement from the usual clocks of such parts, no datasheet value."""
CARRY_BIT_S = (0.008e-9, 0.012e-9, 0.02e-9, 0.03e-9)
"""A bit of a carry chain by process: a judgement, as above."""


def clock_hz(op: Op, precision: Precision, device: Fpga) -> Real:
    """The device's clock_hz, or what the accumulator, which no register can cut, or a pipeline stage allows.

    `Fpga.clock_hz` is the parameter to trust: the correction only lowers it, for very wide accumulators.
    """
    node = 28e-9 if np.isnan(device.process_m) else device.process_m
    level, carry = (np.interp(node, NODES_M, times) for times in (LEVEL_S, CARRY_BIT_S))
    loop = 2 * level + carry * np.where(on_fabric(op), accumulator_bits(op, precision), 0.0)
    return np.minimum(device.clock_hz, 1 / np.maximum(STAGE_LEVELS * level, loop))
