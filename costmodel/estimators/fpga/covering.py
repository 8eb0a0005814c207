"""Which layers' weights to put elsewhere so that the rest of them fits."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def covering(saved: Floats, more: Floats, over: float) -> Ints:
    """The layers of least sum of `more` whose whole `saved` sum to at least `over`; all where none do.

    The knapsack problem by dynamic programming on what is still to be saved.
    """
    need = int(np.ceil(over))
    if saved.sum() < need:
        return np.arange(len(saved))
    least, taken = np.full(need + 1, np.inf), np.zeros((len(saved), need + 1), bool)
    least[0] = 0.0
    for layer, (blocks, cycles) in enumerate(zip(np.minimum(saved, need).astype(np.int64).tolist(), more, strict=True)):
        with_it = np.concatenate([np.full(blocks, least[0]), least[: need + 1 - blocks]]) + cycles
        taken[layer] = with_it < least
        least = np.where(taken[layer], with_it, least)
    layers = []
    for layer in range(len(saved) - 1, -1, -1):
        if taken[layer, need]:
            layers.append(layer)
            need = max(need - int(saved[layer]), 0)
    return np.array(layers[::-1], np.int64)
