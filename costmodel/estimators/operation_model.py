"""Latency of one library call on a processor: a roofline whose efficiencies depend on the shape, in twelve constants.

Products reach their peak only in large shapes: each side has a length at which half the rate is lost (R. W. Hockney's
n-half: Parallel Computing 17 (1991), doi 10.1016/S0167-8191(06)80086-4). Activations come from cache where they fit;
weights, which only the next pass reads again, at a rate of their own. Arithmetic and traffic share time in a p-norm.
Convolutions on a GPU are those of gpu_conv.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators import gpu_conv
from costmodel.estimators.latency_model import LatencyModel, Terms
from costmodel.estimators.operation_constants import OperationConstants
from costmodel.estimators.operation_kind import NEAREST, OperationKind, area, named
from costmodel.estimators.overlap import miss
from costmodel.hardware import Cpu, Gpu
from costmodel.record import Real
from costmodel.workload import Op

SIZES = (
    "b", "m", "n", "k", "area", "positions", "input_elements", "weight_elements", "output_elements", "vector_flops",
)  # fmt: skip

DEFAULT_CACHE_BYTES = 32e6
"""Last-level cache of a processor that does not tell: a judgement, the fitted fraction corrects it."""

NOTHING = 1e-12
"""Seconds below which a part of the time is none."""


def sizes(op: Op) -> tuple[Real, ...]:
    """The model's sizes of one op or of a batch, of one execution."""
    weights = np.asarray(op.weight_elements) * op.weight_reads + op.vector_elements
    inputs = np.asarray(op.input_elements) + op.kv_elements
    return op.b, op.m, op.n, op.k, area(op), positions(op), inputs, weights, op.output_elements, op.vector_flops


def positions(op: Op) -> Real:
    """Outputs a channel of one image of a convolution, 1 for what is none."""
    plane = np.asarray(op.window.input_height) * op.window.input_width
    depth = np.asarray(op.b) * op.k / area(op)
    images = np.maximum(op.input_elements / np.maximum(depth * plane, 1.0), 1.0)
    convolves = np.char.startswith(np.asarray(op.kind).astype(str), "conv")
    return np.where(convolves, np.maximum(op.m / images, 1.0), 1.0)[()]


def terms(
    b: Real, m: Real, n: Real, k: Real, area: Real, positions: Real, input_elements: Real, weight_elements: Real,
    output_elements: Real, vector_flops: Real, kind: OperationKind, device: Gpu | Cpu, constants: OperationConstants,
) -> Terms:  # fmt: skip
    """Seconds of a call and their parts; sizes broadcast. nan where the device lacks the kind's pipe."""
    if isinstance(device, Gpu) and kind.math.startswith("conv"):
        moved = (input_elements, weight_elements, output_elements)
        return gpu_conv.terms(b, m, n, k, area, positions, *moved, kind, device, constants)
    c = constants
    flops = 2.0 * np.asarray(b, dtype=np.float64) * m * n * k
    channels = np.asarray(k) / area
    short = (1.0 + c.m_half / m) * (1.0 + c.n_half / n) * (1.0 + c.k_half / k)
    short = short * np.where(np.asarray(area) > 1.0, 1.0 + c.channel_half / channels, 1.0)
    compute_s = flops * short / (device.peak_flops.of(kind.pipe) * c.compute_efficiency)
    compute_s = compute_s + vector_flops / (device.peak_flops.vector * c.vector_efficiency)
    streams = (np.asarray(input_elements) + output_elements) * kind.activation_bytes
    cache = DEFAULT_CACHE_BYTES if np.isnan(device.l2_bytes) else device.l2_bytes
    missed = streams * miss(np.maximum(streams, 1.0), cache * c.cache_fraction)
    rate = device.memory_bytes_per_s
    memory_s = missed / (rate * c.memory_efficiency) + (streams - missed) / (rate * c.cache_rate)
    memory_s = memory_s + np.asarray(weight_elements) * kind.weight_bytes / (rate * c.weight_efficiency)
    call_s = 1.0 / c.calls_per_s
    return Terms(call_s + _norm(compute_s, memory_s, c.overlap), compute_s, memory_s, call_s)


def roofline(
    b: Real, m: Real, n: Real, k: Real, _area: Real, _positions: Real, input_elements: Real, weight_elements: Real,
    output_elements: Real, vector_flops: Real, kind: OperationKind, device: Gpu | Cpu,
) -> Terms:  # fmt: skip
    """Seconds of a call by estimators/roofline.py, from its sizes."""
    flops = 2.0 * np.asarray(b, dtype=np.float64) * m * n * k
    compute_s = np.maximum(flops / device.peak_flops.of(kind.pipe), vector_flops / device.peak_flops.vector)
    streams = (np.asarray(input_elements) + output_elements) * kind.activation_bytes
    memory_s = (streams + np.asarray(weight_elements) * kind.weight_bytes) / device.memory_bytes_per_s
    return Terms(np.maximum(compute_s, memory_s), compute_s, memory_s, np.zeros_like(memory_s))


def _norm(one_s: Real, other_s: Real, power: Real) -> Real:
    longer, shorter = np.maximum(one_s, other_s), np.minimum(one_s, other_s)
    return longer * np.exp(np.log1p((shorter / np.maximum(longer, NOTHING)) ** power) / power)


def features(*arguments: Any) -> NDArray[np.float64]:
    """What a residual model sees of each call: the logarithms of its sizes and of the predicted parts."""
    *shape, _cores, parts = arguments
    columns = [np.log2(np.asarray(x, dtype=np.float64) + 1.0) for x in np.broadcast_arrays(*shape)]
    times = [np.log(np.maximum(x, NOTHING)) for x in (parts.latency_s, parts.compute_s, parts.memory_s)]
    return np.stack(np.broadcast_arrays(*columns, *times))


OPERATION = LatencyModel(
    name="operation",
    sizes=SIZES,
    terms=terms,
    features=features,
    named=named,
    constants=OperationConstants,
    neutral=OperationConstants(),
    shares=(),
    nearest=NEAREST,
    roofline=roofline,
)
"""Shares are not capped: a peak that was measured on one shape may be exceeded by another."""
