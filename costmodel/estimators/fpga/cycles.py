"""Cycles between two inputs of a layer's unit (initiation interval)."""

import numpy as np

from costmodel.estimators.fpga.unit import (
    Folding,
    channels,
    grouped,
    height,
    on_fabric,
    padded,
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
    """Cycles of the sliding-window unit: fill its buffer, then row by row of windows read and write, the slower counts.

    FINN's ConvolutionInputGenerator_rtl, get_exp_cycles, of two dimensions, where the rows that a row of windows moves
    on by are those of its height (FINN takes the stride across). A parallel window emits one window a cycle and waits
    for its inputs alone. Zero where `windowed` is false.
    """
    w, passes = op.window, _passes(op, folding)
    row, images = w.padded_width * passes, op.count * _images(op)
    fill = ((w.rows - 1) * w.padded_width + w.columns) * passes
    moved = images * w.output_height * w.stride_height * row
    behind = w.output_height * w.output_width * (w.stride_width - 1) * (passes - 1) + (w.stride_height - 1) * row
    cycles = images * (fill + np.where(grouped(op), behind, 0.0)) + np.maximum(moved, written_cycles(op, folding))
    cycles = np.where(parallel_window(op, folding), read_cycles(op, folding) + 2, cycles)
    return np.where(windowed(op), cycles, 0.0)


def read_cycles(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit reads its padded inputs; zero where it is none."""
    read = op.count * _images(op) * op.window.padded_height * op.window.padded_width
    return np.where(windowed(op), read * _passes(op, folding), 0.0)


def written_cycles(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit writes windows, one each where it is parallel; zero where it is none."""
    w = op.window
    window = np.where(parallel_window(op, folding), 1.0, w.kernel_height * w.kernel_width * _passes(op, folding))
    return np.where(windowed(op), op.count * pixels(op) * window, 0.0)


def padding_cycles(op: Op, folding: Folding) -> Real:
    """Cycles of the padding before a sliding-window unit: all that it passes on, by its channels a cycle.

    FINN's FMPadding, get_exp_cycles. Zero where it keeps up, as with the channels that the sliding-window unit reads a
    cycle, or FINN's own whole pixel, or where there is none.
    """
    lanes = np.asarray(folding.padding_simd)
    here = padded(op) & (lanes > 0) & (windowed(op) | np.asarray(op.kind == "pooling"))
    return np.where(here, op.count * _padded_elements(op) / np.maximum(lanes, 1), 0.0)


def stream_cycles(op: Op, folding: Folding) -> Real:
    """Of a pooling, its padded inputs or the elements of its windows, the more; of a sum, its results; `pe` a cycle."""
    pooled = np.maximum(_padded_elements(op), op.vector_flops)
    elements = np.where(np.asarray(op.kind == "pooling"), pooled, op.output_elements)
    return np.where(streaming(op), op.count * np.ceil(elements / folding.pe), 0.0)


def cycles(op: Op, folding: Folding) -> Real:
    """The slowest of matrix, window unit and padding, or of a streaming unit and its: zero for an op that is none."""
    matrix = np.where(on_fabric(op), np.maximum(matrix_cycles(op, folding), window_cycles(op, folding)), 0.0)
    return np.maximum(matrix + stream_cycles(op, folding), padding_cycles(op, folding))


def _padded_elements(op: Op) -> Real:
    w = op.window
    return op.input_elements / (w.input_height * w.input_width) * (w.padded_height * w.padded_width)


def _images(op: Op) -> Real:
    return op.input_elements / (channels(op) * op.window.input_height * op.window.input_width)


def _passes(op: Op, folding: Folding) -> Real:
    """Cycles in which the sliding-window unit reads or writes one pixel's channels."""
    return np.ceil(channels(op) / window_lanes(op, folding))
