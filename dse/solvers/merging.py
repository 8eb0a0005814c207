"""All non-dominated sums of one option a layer, by merging layers one at a time.

Nemhauser, Ullmann, Discrete Dynamic Programming and Capital Allocation, Management Science 15(9), 1969, doi
10.1287/mnsc.15.9.494: a sum that is beaten part way stays beaten, so only non-dominated partial sums are kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.pareto import sorted_mask

Ints = NDArray[np.int64]


class TooManyPointsError(ValueError):
    """A partial front that outgrew the caller's limit."""


@dataclass(frozen=True)
class Sums:
    """Non-dominated sums [columns, points] in lexicographic order, and the option of each layer [layers, points]."""

    values: Ints
    options: Ints


def merge(tables: Ints, available: NDArray[np.bool_], most: int) -> Sums:
    """Return the non-dominated sums of integer tables [columns, layers, options], all columns minimised.

    Layers of coarse steps in the first column come first: their sums coincide, which keeps partial fronts small.
    """
    order = np.argsort(-_step(tables[0], available), kind="stable")
    values = np.zeros((len(tables), 1), np.int64)
    steps: list[tuple[Ints, Ints]] = []
    for layer in order:
        usable = np.flatnonzero(available[layer])
        candidates = (tables[:, layer, usable][:, :, None] + values[:, None, :]).reshape(len(tables), -1)
        kept = _nondominated(candidates)
        if len(kept) > most:
            raise TooManyPointsError(
                f"the front has more than {most} points after {len(steps) + 1} of {len(order)} layers"
            )
        steps.append((kept % values.shape[1], usable[kept // values.shape[1]]))
        values = candidates[:, kept]
    options = np.empty((len(order), values.shape[1]), np.int64)
    index = np.arange(values.shape[1])
    for layer, (parent, option) in zip(order[::-1], reversed(steps), strict=True):
        options[layer] = option[index]
        index = parent[index]
    return Sums(values, options)


def _step(table: Ints, available: NDArray[np.bool_]) -> Ints:
    """The greatest common divisor of each layer's differences."""
    least = np.where(available, table, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    return np.asarray(np.gcd.reduce(np.where(available, table - least, 0), axis=1))


def _nondominated(candidates: Ints) -> Ints:
    """Indices of the distinct non-dominated columns, in lexicographic order."""
    if len(candidates) == 2:
        first = np.argsort(candidates[0], kind="stable")
        second = candidates[1, first]
        rising = second[1:] < np.minimum.accumulate(second)[:-1]
        kept: Ints = first[np.append(True, rising)]
        alone = candidates[0, kept[1:]] != candidates[0, kept[:-1]]
        return np.asarray(kept[np.append(alone, True)])
    order = np.lexsort(candidates[::-1])
    rows = candidates[:, order]
    distinct = np.append(True, (rows[:, 1:] != rows[:, :-1]).any(axis=0))
    return np.asarray(order[distinct][sorted_mask(rows[:, distinct].T)])
