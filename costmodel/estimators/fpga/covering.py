"""Which layers' weights to put elsewhere so that the rest of them fits."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def covering(saved: Floats, more: Floats, over: float) -> Ints:
    """The layers of least sum of `more` whose whole `saved` sum to at least `over`; all where none do.

    The knapsack problem by dynamic programming, on what is still to be saved or on what may stay, the fewer; `saved`
    are whole numbers.
    """
    need, blocks = int(np.ceil(over)), saved.astype(np.int64)
    room = int(blocks.sum()) - need
    if room < 0:
        return np.arange(len(saved))
    if room >= need:
        return _least(np.minimum(blocks, max(need, 0)), more, max(need, 0))
    stay = _most(blocks, more, room)
    return np.setdiff1d(np.arange(len(saved)), stay)


def _least(blocks: Ints, more: Floats, need: int) -> Ints:
    """The layers of least `more` whose blocks are at least as many as needed."""
    least, taken = np.full(need + 1, np.inf), np.zeros((len(blocks), need + 1), bool)
    least[0] = 0.0
    for layer, (own, cycles) in enumerate(zip(blocks.tolist(), more, strict=True)):
        with_it = np.concatenate([np.full(own, least[0]), least[: need + 1 - own]]) + cycles
        taken[layer] = with_it < least
        least = np.where(taken[layer], with_it, least)
    return _traced(taken, blocks, need)


def _most(blocks: Ints, more: Floats, room: int) -> Ints:
    """The layers of most `more` whose blocks are no more than there is room for."""
    most, taken = np.zeros(room + 1), np.zeros((len(blocks), room + 1), bool)
    for layer, (own, cycles) in enumerate(zip(blocks.tolist(), more, strict=True)):
        if own <= room:
            with_it = most[: room + 1 - own] + cycles
            taken[layer, own:] = with_it > most[own:]
            most[own:] = np.maximum(with_it, most[own:])
    return _traced(taken, blocks, room)


def _traced(taken: NDArray[np.bool_], blocks: Ints, left: int) -> Ints:
    """The layers taken, from the last one back."""
    layers = []
    for layer in range(len(blocks) - 1, -1, -1):
        if taken[layer, left]:
            layers.append(layer)
            left = max(left - int(blocks[layer]), 0)
    return np.array(layers[::-1], np.int64)
