"""All non-dominated sums of one option a row where rows add by what reads them: merging by the rows still to be met.

As `merging`, row by row, but a partial sum competes with those alone that leave the same options to the rows which are
in a pair with one still to come: the states of nonserial dynamic programming (Bertelè, Brioschi, 1972, ISBN
978-0-12-093450-8), each with a front. Rows are taken in the order that leaves fewest in such pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dse.solvers.merging import TooManyPointsError, nondominated

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
State: TypeAlias = tuple[int, ...]

MOST_TRIED = 20_000
"""Most states and options of a row that are tried."""


@dataclass(frozen=True)
class Pairs:
    """What pairs of rows add, int[columns, options, options] by (first, second), and which options they may take."""

    added: Mapping[tuple[int, int], Ints]
    together: Mapping[tuple[int, int], Bools]

    def near(self, rows: int) -> list[set[int]]:
        """The rows that each row is in a pair with."""
        found: list[set[int]] = [set() for _ in range(rows)]
        for a, b in (*self.added, *self.together):
            found[a].add(b)
            found[b].add(a)
        return found

    def between(self, row: int, option: int, other: int, taken: int) -> Ints | int | None:
        """What two rows add at their options, None where they may not take them together."""
        total: Ints | int = 0
        for (a, b), (x, y) in (((row, other), (option, taken)), ((other, row), (taken, option))):
            if (a, b) in self.together and not self.together[a, b][x, y]:
                return None
            if (a, b) in self.added:
                total = total + self.added[a, b][:, x, y]
        return total

    def alike(self, row: int, others: Sequence[int], options: int) -> Ints:
        """For each option of a row the first that adds and allows the same beside every option of others."""
        told: list[NDArray[Any]] = [np.zeros((options, 1))]
        for other in others:
            told += [t.transpose(1, 0, 2).reshape(options, -1) for t in [self.added.get((row, other))] if t is not None]
            told += [t.transpose(2, 0, 1).reshape(options, -1) for t in [self.added.get((other, row))] if t is not None]
            told += [t for t in [self.together.get((row, other))] if t is not None]
            told += [t.T for t in [self.together.get((other, row))] if t is not None]
        _, first, at = np.unique(np.concatenate(told, axis=1), axis=0, return_index=True, return_inverse=True)
        return np.asarray(first[at.ravel()])


@dataclass(frozen=True)
class _Step:
    """How each point of each state was made: the state and point before, and the row's option."""

    row: int
    states: list[Ints]
    points: list[Ints]
    options: list[Ints]


def front(
    tables: Ints, available: Bools, pairs: Pairs, limits: Mapping[int, int], most: int
) -> tuple[Ints, NDArray[np.int16]]:
    """Return non-dominated sums [points, columns] of tables [columns, rows, options] and pairs, and their options.

    Sums beyond limits {column: limit} are dropped. TooManyPointsError where partial fronts pass `most` points together.
    """
    columns, rows, options = tables.shape
    least = np.where(available, tables, np.iinfo(np.int64).max).min(axis=2)
    order = _order(pairs.near(rows))
    after = np.cumsum(least[:, order][:, ::-1], axis=1)[:, ::-1]
    states: dict[State, Ints] = {(): np.zeros((columns, 1), np.int64)}
    open_rows: list[int] = []
    steps: list[_Step] = []
    for i, row in enumerate(order):
        left = after[:, i + 1] if i + 1 < rows else np.zeros(columns, np.int64)
        still = set(order[i + 1 :])
        grown = [*open_rows, row]
        kept = [r for r in grown if pairs.near(rows)[r] & still]
        alike = {r: pairs.alike(r, sorted(pairs.near(rows)[r] & still), options) for r in kept}
        if len(states) * int(available[row].sum()) > MOST_TRIED:
            raise TooManyPointsError(f"{len(states)} states of rows still to be met after {i} of {rows} rows")
        found = _grown(states, open_rows, row, (tables, available, pairs), (grown, kept, alike))
        states, step = _fronts(row, found, {c: limit - int(left[c]) for c, limit in limits.items()})
        if sum(values.shape[1] for values in states.values()) > most:
            raise TooManyPointsError(f"partial fronts have more than {most} points after {i + 1} of {rows} rows")
        steps.append(step)
        open_rows = kept
    return _traced(states, steps, columns, rows)


def _order(near: Sequence[set[int]]) -> list[int]:
    """The rows in an order that leaves few in pairs with those to come."""
    order: list[int] = []
    left = set(range(len(near)))
    while left:

        def still_open(row: int) -> tuple[int, int]:
            after, done = left - {row}, [*order, row]
            return sum(bool(near[r] & after) for r in done), row

        row = min(left, key=still_open)
        order.append(row)
        left.discard(row)
    return order


def _grown(
    states: Mapping[State, Ints],
    open_rows: Sequence[int],
    row: int,
    given: tuple[Ints, Bools, Pairs],
    places: tuple[Sequence[int], Sequence[int], Mapping[int, Ints]],
) -> dict[State, list[tuple[int, int, Ints]]]:
    """What each state's points become at each option of a row, by the state that follows."""
    (tables, available, pairs), (grown, kept, alike) = given, places
    found: dict[State, list[tuple[int, int, Ints]]] = {}
    for at, (state, values) in enumerate(states.items()):
        for option in np.flatnonzero(available[row]).tolist():
            added: Ints | int | None = tables[:, row, option]
            for other, taken in zip(open_rows, state, strict=True):
                more = pairs.between(row, option, other, taken)
                added = None if added is None or more is None else added + more
            if added is not None:
                chosen = dict(zip(grown, (*state, option), strict=True))
                key = tuple(int(alike[r][chosen[r]]) for r in kept)
                found.setdefault(key, []).append((at, option, values + np.asarray(added)[:, None]))
    return found


def _fronts(
    row: int, found: Mapping[State, list[tuple[int, int, Ints]]], limits: Mapping[int, int]
) -> tuple[dict[State, Ints], _Step]:
    """The points of each state that none of it beats, and how they were made."""
    states: dict[State, Ints] = {}
    step = _Step(row, [], [], [])
    for key, parts in found.items():
        values = np.concatenate([part for _, _, part in parts], axis=1)
        sizes = [part.shape[1] for _, _, part in parts]
        kept = np.arange(values.shape[1])
        for column, limit in limits.items():
            kept = kept[values[column, kept] <= limit]
        if not len(kept):
            continue
        kept = kept[nondominated(values[:, kept])]
        states[key] = values[:, kept]
        step.states.append(np.repeat([at for at, _, _ in parts], sizes)[kept])
        step.options.append(np.repeat([option for _, option, _ in parts], sizes)[kept])
        step.points.append(np.concatenate([np.arange(size) for size in sizes])[kept])
    return states, step


def _traced(
    states: Mapping[State, Ints], steps: Sequence[_Step], columns: int, rows: int
) -> tuple[Ints, NDArray[np.int16]]:
    """The points of the one state that is left, and the option of each row of each."""
    if not states:
        return np.zeros((0, columns), np.int64), np.zeros((0, rows), np.int16)
    (values,) = states.values()
    choices = np.empty((values.shape[1], rows), np.int16)
    state, point = np.zeros(values.shape[1], np.int64), np.arange(values.shape[1])
    for step in reversed(steps):
        begin = np.cumsum([0, *map(len, step.states)])
        at = begin[state] + point
        choices[:, step.row] = np.concatenate(step.options)[at]
        state, point = np.concatenate(step.states)[at], np.concatenate(step.points)[at]
    return values.T, choices
