"""Bits that an op stores and moves at a precision, every operand touched once."""

import numpy as np

from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

BITS_PER_BYTE = 8


def weight_bits(op: Op, precision: Precision) -> Real:
    """Stored bits a weight: groups run along k, and the last of a row has a scale of its own however short it is."""
    fmt = precision.weight
    groups = np.where(op.b > 0, np.ceil(op.k / fmt.group_size) / op.k, 1.0 / fmt.group_size)
    return fmt.bits + fmt.scale_bits * groups


def weight_bytes(op: Op, precision: Precision) -> Real:
    """Parameters stored, and read: weights in their format with their places, biases and scales in the wide one."""
    return _bytes_of(op, precision, op.stored_weights, op.vector_elements)


def trained_bytes(op: Op, precision: Precision) -> Real:
    """The same of those that a training step updates."""
    weights, vectors = op.stored_weights * op.trained_weights, op.vector_elements * op.trained_vectors
    return _bytes_of(op, precision, weights, vectors)


def _bytes_of(op: Op, precision: Precision, weights: Real, vectors: Real) -> Real:
    bits = weights * (weight_bits(op, precision) + op.index_bits) + vectors * precision.vector_bits
    return bits / BITS_PER_BYTE


def kv_bytes(op: Op, precision: Precision) -> Real:
    """Cached keys and values of one execution."""
    return op.kv_elements * precision.kv_cache.bits_per_element / BITS_PER_BYTE


def activation_bytes(op: Op, precision: Precision) -> Real:
    """Inputs read and outputs written by one execution, and what it has brought over a link, which is written too."""
    read = (op.input_elements + op.fetched_elements) * precision.activation.bits_per_element
    return (read + op.output_elements * precision.written.bits_per_element) / BITS_PER_BYTE


def stream_bytes(op: Op, precision: Precision) -> tuple[Real, Real]:
    """Inputs read and outputs written by one execution's kernel.

    An op within another's kernel finds an operand as large as its output in registers and leaves its result there.
    """
    alone = np.asarray(op.launches) > 0
    read = np.where(alone, op.input_elements, np.maximum(op.input_elements - op.output_elements, 0.0))
    written = np.where(alone, op.output_elements, 0.0)
    bits = (read * precision.activation.bits_per_element, written * precision.written.bits_per_element)
    return bits[0] / BITS_PER_BYTE, bits[1] / BITS_PER_BYTE


def bytes_moved(op: Op, precision: Precision) -> Real:
    """Bytes between memory and the device over all executions, if each operand crosses once an execution.

    Williams, Waterman, Patterson, Roofline, doi 10.1145/1498765.1498785: compulsory traffic, nothing kept between ops.
    """
    weights = weight_bytes(op, precision) * op.weight_reads
    return op.count * (weights + kv_bytes(op, precision) + activation_bytes(op, precision))


def bops(op: Op, precision: Precision) -> Real:
    """Bit operations: MACs x weight bits x activation bits; products of activations count their KV format twice.

    Van Baalen et al., Bayesian Bits, arXiv 2005.07093, section 4: no accumulator term.
    """
    weighted = precision.weight.bits * precision.activation.bits
    unweighted = precision.kv_cache.bits * precision.kv_cache.bits
    return op.macs * np.where(op.weight_elements > 0, weighted, unweighted)
