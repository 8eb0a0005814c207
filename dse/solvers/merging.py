"""All non-dominated sums of one option a layer, by merging layers one at a time.

Nemhauser, Ullmann, Discrete Dynamic Programming and Capital Allocation, Management Science 15(9), 1969, doi
10.1287/mnsc.15.9.494: a sum that is beaten part way stays beaten, so only non-dominated partial sums are kept.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dse.pareto import sorted_mask
from dse.solvers import ladder
from dse.solvers.ladder import Ladder, Rise

Ints = NDArray[np.int64]


_FEW = 4096
"""Points below which comparing blocks is as quick as loading moocore (Fonseca, Paquete, López-Ibáñez's algorithms)."""


class TooManyPointsError(ValueError):
    """A partial front that outgrew the caller's limit."""


@dataclass(frozen=True)
class Sums:
    """Non-dominated sums [columns, points] in lexicographic order; `options` says how each was made."""

    values: Ints
    rungs: Ints
    steps: "tuple[Rise | Merge, ...]"
    order: Ints

    @cached_property
    def options(self) -> Ints:
        """The option of each layer [layers, points]."""
        options = np.empty((len(self.order), self.values.shape[1]), np.int64)
        index = np.arange(self.values.shape[1])
        on_ladder = False
        for layer, step in zip(self.order[::-1].tolist(), reversed(self.steps), strict=True):
            if isinstance(step, Rise) and not on_ladder:
                index, on_ladder = self.rungs[index], True
            index, options[layer] = step.before(index)
        return options


@dataclass(frozen=True)
class Merge:
    """How one layer was added to points: the point that each came from, and its option."""

    parent: Ints
    option: Ints

    def before(self, points: Ints) -> tuple[Ints, Ints]:
        """The points that these came from, and the options taken."""
        return self.parent[points], self.option[points]


def merge(tables: Ints, available: NDArray[np.bool_], most: int) -> Sums:
    """Return the non-dominated sums of integer tables [columns, layers, options], all columns minimised.

    Layers whose steps in the first column share a large divisor come first: their sums coincide, which keeps partial
    fronts small; two columns begin on a `ladder`.
    """
    tables, least = _above_least(tables, available)
    order = ladder.order(_steps(tables[0], available), tables[0].max(axis=1))
    done, rungs, steps = _climb(tables, available, order) if len(tables) == 2 else (tables[:, :1, 0] * 0, None, [])
    values = done
    for layer in order[len(steps) :]:
        usable = np.flatnonzero(available[layer])
        candidates = (tables[:, layer, usable][:, :, None] + values[:, None, :]).reshape(len(tables), -1)
        kept = _nondominated(candidates)
        if len(kept) > most:
            raise TooManyPointsError(
                f"the front has more than {most} points after {len(steps) + 1} of {len(order)} layers"
            )
        steps.append(Merge(kept % values.shape[1], usable[kept // values.shape[1]]))
        values = candidates[:, kept]
    return Sums(values + least[:, None], np.zeros(0, np.int64) if rungs is None else rungs, tuple(steps), order)


def _above_least(tables: Ints, available: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The tables above each layer's least, 0 where unavailable, and the sums of those."""
    least = np.where(available, tables, np.iinfo(np.int64).max).min(axis=2, keepdims=True)
    return np.where(available, tables - least, 0), least.sum(axis=(1, 2))


def _climb(tables: Ints, available: NDArray[np.bool_], order: Ints) -> "tuple[Ints, Ints, list[Rise | Merge]]":
    """Add layers on a ladder as long as that is worth while; return the points, their rungs and the steps."""
    steps: list[Rise | Merge] = []
    current = Ladder(np.zeros(1, np.int64), 0)
    for layer in order.tolist():
        grown = current.added(tables[0, layer], tables[1, layer], np.flatnonzero(available[layer]))
        if grown is None:
            break
        current = grown[0]
        steps.append(grown[1])
    rungs = current.front()
    return np.stack([rungs * current.divisor, current.loss[rungs]]), rungs, steps


def _steps(table: Ints, available: NDArray[np.bool_]) -> Ints:
    """The greatest common divisor of each layer's differences."""
    return np.asarray(np.gcd.reduce(np.where(available, table, 0), axis=1))


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
    kept = order[distinct]
    return np.asarray(kept[sorted_mask(rows[:, distinct].T) if len(kept) < _FEW else _many(candidates[:, kept])])


def _many(points: Ints) -> NDArray[np.bool_]:
    """The mask of distinct points in lexicographic order, by moocore on the ranks in each column, which floats hold."""
    import moocore

    ranks = np.stack([np.unique(column, return_inverse=True)[1] for column in points], axis=1)
    return np.asarray(moocore.is_nondominated(ranks.astype(np.float64)))
