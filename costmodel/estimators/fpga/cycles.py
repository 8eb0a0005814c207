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
    images = op.input_elements / (channels(op) * w.input_height * w.input_width)
    fill = op.count * images * ((w.rows - 1) * w.input_width + w.columns) * _passes(op, folding)
    read, written = read_cycles(op, folding), written_cycles(op, folding)
    cycles = np.where(parallel_window(op, folding), read + 2, fill + np.maximum(read, written))
    return np.where(windowed(op), cycles, 0.0)


def read_cycles(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit reads its inputs; zero where it is none."""
    return np.where(windowed(op), op.count * op.input_elements / channels(op) * _passes(op, folding), 0.0)


def written_cycles(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit writes windows, one each where it is parallel; zero where it is none."""
    w = op.window
    window = np.where(parallel_window(op, folding), 1.0, w.kernel_height * w.kernel_width * _passes(op, folding))
    return np.where(windowed(op), op.count * pixels(op) * window, 0.0)


def stream_cycles(op: Op, folding: Folding) -> Real:
    """Of a pooling, its inputs or the elements of its windows, the more; of a sum, its results; `pe` a cycle."""
    pooled = np.maximum(op.input_elements, op.vector_flops)
    elements = np.where(np.asarray(op.kind == "pooling"), pooled, op.output_elements)
    return np.where(streaming(op), op.count * np.ceil(elements / folding.pe), 0.0)


def cycles(op: Op, folding: Folding) -> Real:
    """The slower of matrix and window unit, or those of a streaming unit: zero for an op that is none."""
    matrix = np.where(on_fabric(op), np.maximum(matrix_cycles(op, folding), window_cycles(op, folding)), 0.0)
    return matrix + stream_cycles(op, folding)


def _passes(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit reads or writes one pixel's channels."""
    return np.ceil(channels(op) / window_lanes(op, folding))
