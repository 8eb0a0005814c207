"""All non-dominated sums of one option a layer, by merging layers one at a time.

Nemhauser, Ullmann, Discrete Dynamic Programming and Capital Allocation, Management Science 15(9), 1969, doi
10.1287/mnsc.15.9.494: a sum that is beaten part way stays beaten, so only non-dominated partial sums are kept.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dse.solvers import ladder
from dse.solvers.ladder import Ladder, Options, Rise

Ints = NDArray[np.int64]

_MOST_OPTIONS = int(np.iinfo(np.int16).max)


NO_LIMITS: Mapping[int, int] = MappingProxyType({})


class TooManyPointsError(ValueError):
    """A partial front that outgrew the caller's limit."""


@dataclass(frozen=True)
class Sums:
    """Non-dominated sums [columns, points] in lexicographic order, and how each was made.

    rungs   int64[points of the first merge], where on the ladder of the `rises` each began
    order   int64[layers]: those on the ladder, then those merged
    """

    values: Ints
    last: Ints
    rungs: Ints
    rises: tuple[Rise, ...]
    merges: "tuple[Merge, ...]"
    order: Ints

    @cached_property
    def options(self) -> Options:
        """The option of each layer: [points, layers]."""
        index, climbed = self.last, len(self.rises)
        merged: list[tuple[int, Options]] = []
        for layer, step in zip(self.order[climbed:][::-1].tolist(), reversed(self.merges), strict=True):
            merged.append((layer, step.option[index]))
            index = step.parent[index]
        options = ladder.options(self.rises, self.order, self.rungs[index], len(self.order))
        for layer, option in merged:
            options[:, layer] = option
        return options


@dataclass(frozen=True)
class Merge:
    """How one layer was added to points: the point that each came from, and its option."""

    parent: Ints
    option: Options


def merge(
    tables: Ints,
    available: NDArray[np.bool_],
    most: int,
    limits: Mapping[int, int] = NO_LIMITS,
    budgets: Collection[int] = (),
) -> Sums:
    """Return the non-dominated sums of integer tables [columns, layers, options], all columns minimised.

    Sums that exceed the `limits` {column: limit} are dropped on the way, but for those of a ladder. Columns that are
    `budgets` alone must keep their limits and matter no more: partial sums that keep one whatever is added count as
    alike there, and its values are no sums. Layers whose steps in the first column share a large divisor come first:
    their sums coincide, which keeps partial fronts small; two columns begin on a `ladder`.
    """
    if tables.shape[2] > _MOST_OPTIONS:
        raise ValueError(f"a front takes at most {_MOST_OPTIONS} options a layer, got {tables.shape[2]}")
    tables, least = _above_least(tables, available)
    order = ladder.order(_steps(tables[0], available), tables[0].max(axis=1))
    values, rungs, rises = _climb(tables, available, order)
    room = [(column, limit - int(least[column])) for column, limit in limits.items()]
    left = tables.max(axis=2)[:, order[len(rises) :]].sum(axis=1)
    merges: list[Merge] = []
    for layer in order[len(rises) :]:
        left = left - tables[:, layer].max(axis=1)
        usable = np.flatnonzero(available[layer])
        candidates = (tables[:, layer, usable][:, :, None] + values[:, None, :]).reshape(len(tables), -1)
        kept = np.arange(candidates.shape[1])
        for column, limit in room:
            kept = kept[candidates[column, kept] <= limit]
            if column in budgets:
                candidates[column] = np.maximum(candidates[column], limit - left[column])
        kept = kept[nondominated(candidates[:, kept])] if len(kept) else kept
        if len(kept) > most:
            done = len(rises) + len(merges) + 1
            raise TooManyPointsError(f"the front has more than {most} points after {done} of {len(order)} layers")
        option, parent = np.divmod(kept, values.shape[1])
        merges.append(Merge(parent, usable.astype(np.int16)[option]))
        values = candidates[:, kept]
    last = np.arange(values.shape[1]) if len(values) < 3 else np.lexsort(values[::-1])
    return Sums(values[:, last] + least[:, None], last, rungs, rises, tuple(merges), order)


def _above_least(tables: Ints, available: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The tables above each layer's least, 0 where unavailable, and the sums of those."""
    least = np.where(available, tables, np.iinfo(np.int64).max).min(axis=2, keepdims=True)
    return np.where(available, tables - least, 0), least.sum(axis=(1, 2))


def _climb(tables: Ints, available: NDArray[np.bool_], order: Ints) -> tuple[Ints, Ints, tuple[Rise, ...]]:
    """Add layers on a ladder as long as that is worth while; return the points, their rungs and the steps."""
    columns, _, options = tables.shape
    current = Ladder.start(options, int(tables[-1].max(axis=1).sum())) if columns == 2 else None
    if current is None:
        return np.zeros((columns, 1), np.int64), np.zeros(1, np.int64), ()
    rises: list[Rise] = []
    for layer in order.tolist():
        grown = current.added(tables[0, layer], tables[1, layer], np.flatnonzero(available[layer]))
        if grown is None:
            break
        current = grown[0]
        rises.append(grown[1])
    rungs = current.front()
    return np.stack([rungs * current.divisor, current.loss(rungs)]), rungs, tuple(rises)


def _steps(table: Ints, available: NDArray[np.bool_]) -> Ints:
    """The greatest common divisor of each layer's differences."""
    return np.asarray(np.gcd.reduce(np.where(available, table, 0), axis=1))


def nondominated(candidates: Ints) -> Ints:
    """Indices of the distinct non-dominated columns [columns, points]: two in lexicographic order, more by the last.

    Runs of sums of one option come sorted from the step before, which a stable sort takes in.
    """
    if len(candidates) == 2:
        first = np.argsort(candidates[0], kind="stable")
        second = candidates[1, first]
        rising = second[1:] < np.minimum.accumulate(second)[:-1]
        kept: Ints = first[np.append(True, rising)]
        alone = candidates[0, kept[1:]] != candidates[0, kept[:-1]]
        return np.asarray(kept[np.append(alone, True)])
    import moocore

    order = np.argsort(candidates[-1], kind="stable")
    points = np.stack([_as_floats(column) for column in candidates[:, order]], axis=1)
    return np.asarray(order[moocore.is_nondominated(points)])


def _as_floats(column: Ints) -> NDArray[np.float64]:
    """Values as floats in the same order: themselves where floats hold them, else their ranks."""
    if column.max(initial=0) < 1 << 53:
        return column.astype(np.float64)
    return np.unique(column, return_inverse=True)[1].astype(np.float64)
