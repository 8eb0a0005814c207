"""Latency of a convolution as a library runs it on a GPU, in thirteen fitted constants.

Dense ones are implicit products (Chetlur et al., cuDNN: efficient primitives for deep learning, arXiv 1410.0759): the
channels of every place of the window are padded to a step of the k loop, tiles and split k compete as in gpu_gemm. They
read and write images channel by channel, while tensor units want the channels of a pixel side by side, so kernels
before and after change the layout of activations and filters; a 1 x 1 convolution without stride is a plain product of
each image in either layout, slower where its planes do not align to a vector load. Grouped ones of few channels run
without tensor units: a thread an output, which come in waves, and walks over the window. Why it is so was read off the
residuals of measured convolutions by window, channels, stride and planes; pairs held out had no part in it, but for
some depthwise ones, which were seen when THREADS was chosen.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from costmodel.estimators.gpu_gemm import FLOPS_PER_CLOCK, OPERANDS_PER_CLOCK, PARTIAL_BYTES, SPLIT_STEP, TILES
from costmodel.estimators.latency_model import Terms
from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_kind import OperationKind
from costmodel.estimators.overlap import OVERLAP_CYCLES, miss, overlapped_s
from costmodel.hardware import Gpu
from costmodel.record import Real

PIPES = {"fp32": "tf32"}
"""Pipes that convolutions take instead of their format's: PyTorch lets cuDNN multiply fp32 in tf32 unless told not to
(torch.backends.cudnn.allow_tf32)."""

STEP_BYTES = 128.0
"""Channels of one place of the window, in bytes, that a step of the k loop takes."""

LEAST_BYTES = 2.0
"""Bytes an element below which padding and alignment are those of so many: nobody measured narrower convolutions."""

VECTOR_BYTES = 16.0
"""Bytes of the widest load, to which a plane must align: NVIDIA, CUDA C++ Programming Guide, device memory accesses."""

SUPPLY = 1.4
"""`sm_rate` of gpu_gemm for bf16 products on an H100, A100 and L40S."""

SPLIT_MOST = 64.0

THREADS, WARP = 1024.0, 32.0
"""Outputs a multiprocessor works on at a time where a thread makes one each (waves in measured depthwise convolutions
are of 135,000 on 132 multiprocessors), and threads that take a step together."""

PACK = 32.0
"""Channels of groups that a tile holds side by side: groups of 4, 8, 16, 24 and 32 take as long an output."""

STRIDED = 1.3
"""Inputs a channel and output from which on a convolution has a stride: of 2 it has four, padding makes them fewer."""


def terms(
    b: Real, m: Real, n: Real, k: Real, area: Real, positions: Real, input_elements: Real, weight_elements: Real,
    output_elements: Real, kind: OperationKind, gpu: Gpu, constants: OperationConstants,
) -> Terms:  # fmt: skip
    """Seconds of `b` groups' convolutions and their parts; `positions` are an image's outputs a channel."""
    c, name = constants, str(kind.math)
    b, m, n, k, area = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(b, m, n, k, area))
    if "_grad_input_" in name:
        n, k = n / area, k * area
    if name.startswith("conv_wide_groups"):
        b, m, n, k = _packed(b, m, n, k, area, by_weight="_grad_weight_" in name)
    if "_grad_weight_" in name:
        area = np.ones_like(area)
    streams, weights = (input_elements + output_elements) * kind.activation_bytes, weight_elements * kind.weight_bytes
    dense = not name.startswith("conv_grouped")
    compute_s = (_tiles_s if dense else _threads_s)(b, m, n, k, area, positions, kind, gpu, c)
    missed = streams * miss(streams + weights, gpu.l2_bytes * c.cache_fraction)
    rate = gpu.memory_bytes_per_s
    memory_s = (missed + weights) / (rate * c.memory_efficiency) + (streams - missed) / (rate * c.cache_rate)
    fixed_s = 1.0 / c.calls_per_s
    if dense:
        strided = (input_elements > STRIDED * b * m * k / area) & (kind.activation_bytes < 4.0)
        moved_s = 2.0 * (streams / c.layout_rate + weights / c.filter_rate) / rate
        fixed_s = fixed_s + np.where((area > 1.0) | strided, c.layout_cycles / gpu.clock_hz + moved_s, 0.0)
    busy_s = overlapped_s(compute_s, memory_s, c.overlap, OVERLAP_CYCLES / gpu.clock_hz)
    return Terms(fixed_s + busy_s, compute_s, memory_s, fixed_s)


def shares(
    moved: Sequence[Real], kind: OperationKind, gpu: Gpu, measured: OperationKind, device: Gpu,
    constants: OperationConstants,
) -> tuple[Real, Real]:  # fmt: skip
    """What a kind on a GPU takes over what the `measured` one takes on `device`, without changes of layout and with.

    A step of the k loop on tensor units takes bytes: so many more elements of a narrower format.
    """
    b, m, n, k, area, positions, inputs, weights, outputs = moved
    depthwise = kind.math.startswith("conv_grouped")
    step = 1.0 if depthwise else np.minimum(kind.activation_bytes / measured.activation_bytes, 1.0)
    stepped = replace(constants, step_cycles=constants.step_cycles * step)
    kept = replace(stepped, layout_cycles=0.0, layout_rate=np.inf, filter_rate=np.inf)
    none, whole, base = (
        terms(b, m, n, k, area, positions, inputs, weights, outputs, own, where, c).latency_s
        for own, where, c in ((kind, gpu, kept), (kind, gpu, stepped), (measured, device, constants))
    )
    return none / base, whole / base


def _packed(b: Real, m: Real, n: Real, k: Real, area: Real, *, by_weight: bool) -> tuple[Real, Real, Real, Real]:
    """Groups side by side on the diagonal of tiles of PACK channels, or of a multiple of them: the rest is zeros."""
    inward = (m if by_weight else k) / area
    side = PACK * np.ceil(np.maximum(inward, n) / PACK)
    tiles = np.ceil(b / np.maximum(np.floor(side / np.maximum(inward, n)), 1.0))
    return (tiles, area * side, side, k) if by_weight else (tiles, m, side, area * side)


def _tiles_s(
    b: Real, m: Real, n: Real, k: Real, area: Real, positions: Real, kind: OperationKind, gpu: Gpu,
    c: OperationConstants,
) -> Real:  # fmt: skip
    """The fastest of a menu of tiles on tensor units, with or without split k."""
    tm, tn = (np.array(side, dtype=np.float64).reshape(-1, *[1] * m.ndim) for side in zip(*TILES, strict=True))
    peak = gpu.peak_flops.of(pipe_of(kind.pipe, gpu))
    size, clock, sms = kind.activation_bytes, gpu.clock_hz, gpu.sm_count
    counted = np.maximum(size, LEAST_BYTES)
    step = STEP_BYTES / counted
    padded = area * np.ceil(k / area / step) * step
    unaligned = (area == 1.0) & (np.mod(positions * counted, VECTOR_BYTES) > 0.0)
    floor_s = c.step_cycles / clock * np.where(unaligned, c.unaligned, 1.0)
    sm_bytes_per_s = SUPPLY * OPERANDS_PER_CLOCK * clock * (peak / (sms * clock) / FLOPS_PER_CLOCK)
    mac_s = 2.0 * sms / (peak * c.compute_efficiency)
    loop_s = padded * np.maximum(np.maximum(tm * tn * mac_s, (tm + tn) * size / sm_bytes_per_s), floor_s)
    waves = b * np.ceil(m / tm) * np.ceil(n / tn) / sms
    whole_s = _paid(waves, c) * loop_s
    slices = np.minimum(np.floor(1.0 / waves), np.clip(padded / SPLIT_STEP, 1.0, SPLIT_MOST))
    partial_s = slices * b * m * n * (PARTIAL_BYTES / (sm_bytes_per_s * sms))
    sliced_s = loop_s / np.maximum(slices, 1.0) + partial_s + c.start_cycles / clock
    return np.where(slices > 1.0, np.minimum(whole_s, sliced_s), whole_s).min(axis=0)


def _threads_s(
    b: Real, m: Real, n: Real, k: Real, area: Real, positions: Real, kind: OperationKind, gpu: Gpu,  # noqa: ARG001
    c: OperationConstants,
) -> Real:  # fmt: skip
    """Waves of threads that make an output each."""
    waves = b * m * n / (gpu.sm_count * THREADS)
    return _paid(waves, c) * (k * c.step_cycles * (THREADS / WARP) + c.start_cycles) / gpu.clock_hz


def pipe_of(pipe: str, gpu: Gpu) -> str:
    """The pipe that convolutions of a format take on a GPU: the format's where it lacks that of PIPES."""
    other = PIPES.get(pipe, pipe)
    return pipe if np.isnan(gpu.peak_flops.of(other)) else other


def _paid(waves: Real, c: OperationConstants) -> Real:
    rounding = np.minimum(c.wave_rounding, 1.0)
    return rounding * np.ceil(waves) + (1.0 - rounding) * np.maximum(waves, 1.0)
