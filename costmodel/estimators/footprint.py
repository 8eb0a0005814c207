"""Memory that a pass occupies: weights, live activations, KV cache, training states."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.traffic import BITS_PER_BYTE, kv_bytes, trained_bytes, weight_bytes
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import entry
from costmodel.workload.gradients import BY_WEIGHT
from costmodel.workload.rerun import own_outputs
from costmodel.workload.training import INPUT, forward_end

MOMENT_BYTES = {"sgd": 0.0, "momentum": 4.0, "adam": 8.0}
"""Bytes a parameter of an optimizer's fp32 moments: Rajbhandari et al., ZeRO, arXiv 1910.02054, section 3.1."""

MASTER_BITS = 32.0
"""Bits of the master weight that training keeps of a parameter in a narrower format: the same."""


FOOTPRINT = ("weight_bytes", "kv_bytes", "peak_activation_bytes", "gradient_bytes", "optimizer_bytes")
"""Totals that occupy memory at once; gradients in the weights' format and Adam's states in training alone, of what
trains."""


def footprint_bytes(workload: Workload, precision: Precision) -> float:
    """All that a pass keeps in memory at once. `precision` is one, or a batch over the ops."""
    op = workload.batch_of_ops
    stored = weight_bytes(op, precision) + kv_bytes(op, precision)
    if workload.phase == "training":
        stored = stored + trained_bytes(op, precision) + optimizer_bytes(op, precision)
    return float(np.sum(stored)) + peak_activation_bytes(workload, precision)


@lru_cache(maxsize=64)
def last_use(workload: Workload) -> NDArray[np.int64]:
    """The index of the last op that reads each op's output; outputs of the network live to the end of its forward pass.

    Do not edit.
    """
    index = {op.name: i for i, op in enumerate(workload.ops)}
    last = list(range(len(workload.ops)))
    for i, op in enumerate(workload.ops):
        reads = [index[name] for name in (*op.inputs, *op.prepared) if name in index]
        for source in reads if op.inputs else [max(i - 1, 0)]:
            last[source] = max(last[source], i)
    end = forward_end(workload)
    for out in [index[name] for name in workload.outputs] or [end]:
        last[out] = max(last[out], end)
    return np.array(last)


def peak_activation_bytes(workload: Workload, precision: Precision) -> float:
    """The most bytes of op outputs alive at once, in execution order, each freed after its last reader.

    Outputs take the format that they are `written` in. What the first op reads of the network's input counts until the
    last op that reads it; workspace of a kernel does not. `precision` is one, or a batch over the ops.
    """
    return float(alive_bytes(workload, precision).max())


def peaks_bytes(workload: Workload, read: NDArray[np.float64], written: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of many passes: float64[...] of the bits of what each op reads and writes, float64[..., ops]."""
    return np.asarray(_alive(workload, read, written).max(axis=-1))


def alive_bytes(workload: Workload, precision: Precision) -> NDArray[np.float64]:
    """Bytes of op outputs alive while each op runs: float64[ops]."""
    formats = precision.activation, precision.written
    return _alive(workload, *(np.broadcast_to(each.bits_per_element, len(workload.ops)) for each in formats))


def _alive(workload: Workload, read: NDArray[np.float64], written: NDArray[np.float64]) -> NDArray[np.float64]:
    bytes_ = output_elements(workload) * written / BITS_PER_BYTE
    change = np.concatenate([bytes_, np.zeros_like(bytes_[..., :1])], axis=-1)
    np.add.at(change.T, last_use(workload) + 1, -bytes_.T)
    alive: NDArray[np.float64] = np.cumsum(change[..., :-1], axis=-1)
    first = _first(workload)
    come = workload.ops[first].input_elements * read[..., first : first + 1] / BITS_PER_BYTE
    alive[..., : input_last_use(workload) + 1] += come
    return alive


def alive_at(workload: Workload, precision: Precision, moment: int) -> NDArray[np.float64]:
    """Bytes of each op's output that are alive while op `moment` runs."""
    index = np.arange(len(workload.ops))
    bytes_ = output_elements(workload) * precision.written.bits_per_element / BITS_PER_BYTE
    return np.where((index <= moment) & (moment <= last_use(workload)), bytes_, 0.0)


def input_bytes(workload: Workload, precision: Precision) -> float:
    """Bytes of the network's input, in the format that the first op reads."""
    first = _first(workload)
    bits = np.broadcast_to(precision.activation.bits_per_element, len(workload.ops))[first]
    return float(workload.ops[first].input_elements * bits / BITS_PER_BYTE)


@lru_cache(maxsize=64)
def input_last_use(workload: Workload) -> int:
    """The last op that reads the network's input, by the name that the first op has for it."""
    names = {*workload.ops[_first(workload)].inputs, INPUT}
    return max((i for i, op in enumerate(workload.ops) if names & {*op.inputs}), default=0)


def _first(workload: Workload) -> int:
    """The op that reads the network's input: the first one that does not read parameters alone."""
    return entry(workload.ops, {op.name for op in workload.prepared})


@lru_cache(maxsize=64)
def output_elements(workload: Workload) -> NDArray[np.float64]:
    """What each op adds to the live activations: float64[ops]; do not edit.

    Each execution of a recurrence adds a token to the result; of what a layer makes that runs again, each run has its
    own. Gradients by weight are `gradient_bytes`, but of prepared weights what their parameters' are made of. What is
    prepared and read by no op's name are weights as they are stored.
    """
    made = own_outputs(workload.ops)
    weights = {op.name for op in workload.prepared}.difference(*(op.prepared for op in workload.ops))
    weights -= {name for op in workload.ops for name in op.inputs}
    stored = [op.name in weights or (op.name.endswith(BY_WEIGHT) and not op.prepared) for op in workload.ops]
    return np.where(stored, 0.0, made)


def master_bytes(op: Op, precision: Precision) -> Real:
    """Copies in fp32 of those of an op's parameters that train, beside those that it runs with; of fp32 ones none."""
    weights = op.stored_weights * op.trained_weights * (precision.weight.bits < MASTER_BITS)
    vectors = op.vector_elements * op.trained_vectors * (precision.vector_bits < MASTER_BITS)
    return (weights + vectors) * MASTER_BITS / BITS_PER_BYTE


def optimizer_bytes(op: Op, precision: Precision, optimizer: str = "adam") -> Real:
    """States that training keeps of an op beside weights and gradients: masters and moments, a key of MOMENT_BYTES."""
    if optimizer not in MOMENT_BYTES:
        raise ValueError(f"optimizer must be one of {', '.join(sorted(MOMENT_BYTES))}, got {optimizer!r}")
    return op.trained_params * MOMENT_BYTES[optimizer] + master_bytes(op, precision)
