"""Which layers' weights come from the device's memory where block RAM does not hold them all."""

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.covering import covering
from costmodel.estimators.fpga.folding_tables import BRAM18, MOVED, Floats

Ints = NDArray[np.int64]


def streamed(plan: Floats, moved: Floats, brought: float, limits: Floats) -> Floats:
    """Weights in the device's memory where block RAM is short all the same: those that it brings first of all that make
    the rest fit; where it does not bring these within so many cycles, those of which a block takes fewest."""
    over, found = plan[:, BRAM18].sum() - limits[2], plan.copy()
    saved, more = plan[:, BRAM18] - moved[:, BRAM18], moved[:, MOVED] - plan[:, MOVED]
    left, movable = brought - plan[:, MOVED].sum(), np.flatnonzero(saved > 0)
    if not over > 0:
        return found
    layers = movable[covering(saved[movable], more[movable], over)]
    if saved[layers].sum() < over or more[layers].sum() > left:
        layers = _in_time(
            movable[np.argsort(-saved[movable] / np.maximum(more[movable], 1.0), kind="stable")], more, left
        )
    found[layers] = moved[layers]
    return found


def _in_time(order: Ints, more: Floats, left: float) -> Ints:
    """The layers in their order whose `more` sum to what is left at most, without those for which too little is."""
    kept = []
    for layer in order.tolist():
        if more[layer] <= left:
            left -= more[layer]
            kept.append(layer)
    return np.array(kept, np.int64)
