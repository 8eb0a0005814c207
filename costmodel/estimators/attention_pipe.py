"""The pipe on which a device multiplies queries, keys and values: that of their format, or a wider one it has.

Cached keys and values of at most 8 bits move as they are stored, and are dequantised next to the products: Hooper et
al., KVQuant, arXiv 2401.18079.
"""

import numpy as np

from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

MOST_BITS = 8
"""Bits of keys and values that are dequantised where a device cannot multiply them."""

WIDER = ("bf16", "fp16", "fp32")
"""Pipes that take them instead, the first that a device has."""

TOLD = "keys and values dequantised"


def dequantised(precision: Precision, device: Gpu | Cpu) -> Real:
    """Whether a device lacks the pipe of the cache's format and keys and values are widened; arguments broadcast."""
    lacks = ~(np.asarray(device.peak_flops.of(precision.attention_pipe)) > 0)
    return lacks & (np.asarray(precision.kv_cache.bits) <= MOST_BITS)


def attention_pipe(precision: Precision, device: Gpu | Cpu) -> Real:
    """The name of the pipe, or of a batch; what no pipe takes keeps its own."""
    own = np.asarray(precision.attention_pipe)
    wide = dequantised(precision, device)
    if not np.any(wide):
        return precision.attention_pipe
    pipe = own.astype(object)
    for name in reversed(WIDER):
        pipe = np.where(wide & (np.asarray(getattr(device.peak_flops, name)) > 0), name, pipe)
    return np.where(wide, pipe, own).astype(str)[()]


def multiplied_on(precision: Precision, device: Gpu | Cpu) -> Real:
    """The name of the pipe of attention's products, or of a batch: GPU kernels widen narrow caches to 16 bits.

    So do those that were measured: of FlashAttention and FlashInfer over fp8 caches, with queries in bf16. A CPU, and a
    GPU without 16-bit products, takes `attention_pipe`.
    """
    own = np.asarray(attention_pipe(precision, device))
    if not isinstance(device, Gpu):
        return own[()]
    narrow = np.asarray(precision.kv_cache.bits) <= MOST_BITS
    for name in ("fp16", "bf16"):
        own = np.where(narrow & (np.asarray(getattr(device.peak_flops, name)) > 0), name, own.astype(object))
    return own.astype(str)[()]


def products_on(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    """The name of the pipe of an op's products, or of a batch: with weights, of attention, or of two activations."""
    cached = np.where(
        np.asarray(op.kind) == "attention", multiplied_on(precision, device), attention_pipe(precision, device)
    )
    return np.where(np.asarray(op.weight_elements) > 0, precision.math_pipe, cached)
