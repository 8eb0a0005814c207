"""Layers at widths of their own: what one stores and multiplies by its name's bits."""

from collections.abc import Mapping

from costmodel.workload import Op, Workload

BITS_PER_BYTE = 8


def weighted(workload: Workload) -> list[Op]:
    """The ops with weights."""
    return [op for op in workload.ops if op.weight_elements > 0]


def weight_bytes(workload: Workload, bits: Mapping[str, int], rest: int) -> float:
    """Bytes of weights, biases and norms aside; layers that `bits` does not name have `rest` bits."""
    return float(sum(op.weight_elements * bits.get(op.name, rest) for op in weighted(workload))) / BITS_PER_BYTE


def bops(workload: Workload, bits: Mapping[str, int], rest: int) -> float:
    """MACs x bits^2: weights and activations of a layer at one width."""
    return float(sum(op.macs * bits.get(op.name, rest) ** 2 for op in weighted(workload)))
