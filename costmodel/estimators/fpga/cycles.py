"""Cycles between two inputs of a layer's unit (initiation interval)."""

import numpy as np

from costmodel.estimators.fpga.unit import (
    Folding,
    channels,
    height,
    on_fabric,
    parallel_window,
    pixels,
    streaming,
    width,
    window_lanes,
    windowed,
)
from costmodel.record import Real
from costmodel.workload import Op


def matrix_cycles(op: Op, folding: Folding) -> Real:
    """(height / PE) (width / SIMD) cycles an output pixel or token. FINN-R, arXiv 1809.04570, section 4."""
    return op.count * pixels(op) * (height(op) / folding.pe) * (width(op) / folding.simd)


def window_cycles(op: Op, folding: Folding) -> Real:
    """Cycles of the sliding-window unit: fill its buffer, then read inputs while it writes windows, the slower counts.

    FINN's ConvolutionInputGenerator_rtl, get_exp_cycles, with rows read = the input's; a parallel window emits one
    window a cycle and waits for its inputs alone. Zero where `windowed` is false.
    """
    w = op.window
    fold = np.ceil(channels(op) / window_lanes(op, folding))
    images = op.input_elements / (channels(op) * w.input_height * w.input_width)
    fill = images * ((w.rows - 1) * w.input_width + w.columns) * fold
    read = images * w.input_height * w.input_width * fold
    written = pixels(op) * w.kernel_height * w.kernel_width * fold
    cycles = np.where(parallel_window(op, folding), read + 2, fill + np.maximum(read, written))
    return np.where(windowed(op), op.count * cycles, 0.0)


def stream_cycles(op: Op, folding: Folding) -> Real:
    """Of a pooling, its inputs or the elements of its windows, the more; of a sum, its results; `pe` a cycle."""
    pooled = np.maximum(op.input_elements, op.vector_flops)
    elements = np.where(np.asarray(op.kind == "pooling"), pooled, op.output_elements)
    return np.where(streaming(op), op.count * np.ceil(elements / folding.pe), 0.0)


def cycles(op: Op, folding: Folding) -> Real:
    """The slower of matrix and window unit, or those of a streaming unit: zero for an op that is none."""
    matrix = np.where(on_fabric(op), np.maximum(matrix_cycles(op, folding), window_cycles(op, folding)), 0.0)
    return matrix + stream_cycles(op, folding)
