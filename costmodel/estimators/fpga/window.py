"""The buffers of a sliding-window unit, as FINN's ConvolutionInputGenerator_rtl sizes them, of padded rows."""

import numpy as np

from costmodel.estimators.fpga.unit import Folding, channels, parallel_window, window_lanes
from costmodel.record import Real
from costmodel.workload import Op


def buffer_words(op: Op, folding: Folding) -> Real:
    """Words of one buffer of the sliding-window unit: whole kernel rows, or one of the lines between registers."""
    w = op.window
    fold = np.ceil(channels(op) / window_lanes(op, folding))
    taps = w.kernel_height * w.kernel_width
    rows = (w.rows - 1) * w.padded_width + w.columns
    ahead = np.maximum((w.stride_width - 1) - taps, 0) + np.maximum((w.stride_height - 1) * w.padded_width - taps, 0)
    line = np.maximum(w.dilation_height * w.padded_width - w.columns, 0)
    return np.where(parallel_window(op, folding), line, rows + ahead) * fold


def buffers(op: Op, folding: Folding) -> Real:
    """How many such buffers: one, or a line less than the kernel's height."""
    return np.where(parallel_window(op, folding), op.window.kernel_height - 1, 1.0)
