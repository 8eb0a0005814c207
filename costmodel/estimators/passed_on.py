"""What ops without weights read, where the layers that they follow state what they write."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.precision import Precision
from costmodel.record import Real, chosen, map_fields, mesh, stack
from costmodel.workload import Op
from costmodel.workload.rerun import layer_of

AS_LAYERS, BEFORE, BEHIND = range(3)
"""Reads as its layer does; stands before the first layer; reads what the layer before it writes."""


def places(ops: Sequence[Op]) -> NDArray[np.int64]:
    """Which of the three each op of a network is: int[ops]."""
    layers = {op.name for op in ops if op.weight_elements > 0}
    own = np.array([op.name in layers for op in ops])
    like = np.array([bool(layers & {op.shares, layer_of(op)}) for op in ops])
    return np.where(like, AS_LAYERS, np.where(np.cumsum(own) > 0, BEHIND, BEFORE))


def placed(read: Precision, place: int) -> Precision:
    """The precision of an op at a place that follows a layer of this one."""
    if read.output is None or place == AS_LAYERS:
        return read
    return read.passed_on if place == BEHIND else replace(read, output=None)


def spread(ops: Sequence[Op], precisions: Sequence[Precision]) -> Precision:
    """What each op reads and writes where all layers have one precision, a batch [ops, precisions]; [1, precisions]
    where none states an output, as all ops are then alike."""
    stated = any(read.output is not None for read in precisions)
    return laid(places(ops), precisions) if stated else mesh(ops[:1], precisions)[1]


def laid(place: Real, precisions: Sequence[Precision]) -> Precision:
    """Precisions along the second axis, as ops of these places along the first take them, each with its output."""
    sides = []
    for each in (AS_LAYERS, BEFORE, BEHIND):
        found = (placed(read, each) for read in precisions)
        side = stack([replace(read, output=read.written) for read in found])
        sides.append(map_fields(side, lambda column: column[None]))
    at = place[:, None]
    return chosen(at == AS_LAYERS, sides[0], chosen(at == BEFORE, sides[1], sides[2]))
