"""From checked tables to an integer instance, alike groups of layers as one class."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.exact import meets_budgets
from dse.solvers.grid import Grid, to_grid
from dse.solvers.instance import Counts, Instance, parts
from dse.tables import Floats, Tables

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """An instance, the groups of layers behind each of its classes, and the grids of its losses and of its costs."""

    tables: Tables
    instance: Instance
    members: tuple[tuple[tuple[int, ...], ...], ...]
    loss_grid: Grid
    cost_grids: Mapping[str, Grid]

    @property
    def beyond(self) -> int:
        """How many of the last classes stand for no layer."""
        return 0 if self.tables.passing is None else self.tables.passing.beyond

    def choice(self, counts: Counts) -> NDArray[np.int64]:
        """The option of each layer: within a class, the first groups take the first options."""
        return _Runs.of([group for groups in self.members for group in groups]).choice(counts)


def classes(tables: Tables, *, merge: bool = True) -> Classes:
    """Return the instance of the budgets that can bind; without `merge` every group is a class of its own."""
    added = [tables.loss, *([] if tables.conversion is None else [tables.conversion])]
    added += [] if tables.passing is None else [tables.passing.loss]
    loss_grid = to_grid(_flat(added), terms=_terms(tables) + len(tables.edges))
    binding = _binding(tables)
    columns = [tables.loss, *(tables.costs[name] for name in binding)]
    members = _members(tables, columns, merge)
    heads = _Runs.of([groups[0] for groups in members])
    every = _Runs.of([group for groups in members for group in groups])
    shape = len(binding), len(members), tables.loss.shape[1]
    instance = Instance(
        loss=heads.summed(loss_grid.of(tables.loss)),
        costs=np.array([heads.summed(grid.of(tables.costs[name])) for name, grid in binding.items()], np.int64).reshape(
            shape
        ),
        limits=np.array([grid.floor(tables.limits[name]) for name, grid in binding.items()], np.int64),
        available=tables.available[heads.first],
        no_worse=heads.no_worse(columns),
        copies=np.array([len(groups) for groups in members], np.int64),
        uncertain=np.array([_uncertain(grid, tables) for grid in binding.values()], np.int64),
        admits=lambda counts: meets_budgets(tables, every.choice(counts)),
    )
    return Classes(tables, instance, members, loss_grid, binding)


@dataclass(frozen=True)
class _Runs:
    """Groups of layers one after another: all layers, where each group starts, and how many it has."""

    layers: Ints
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, groups: Sequence[tuple[int, ...]]) -> "_Runs":
        sizes = np.fromiter(map(len, groups), np.int64, len(groups))
        return cls(np.fromiter(itertools.chain(*groups), np.int64), np.cumsum(sizes) - sizes, sizes)

    @property
    def first(self) -> Ints:
        """Each group's first layer."""
        return np.asarray(self.layers[self.starts])

    def summed(self, values: Ints) -> Ints:
        """Sum an int[layers, options] table over each group."""
        return np.asarray(np.add.reduceat(values[self.layers], self.starts, axis=0))

    def no_worse(self, columns: list[Floats]) -> NDArray[np.bool_]:
        """Whether option a is at most option b in every column of every layer: bool[groups, a, b]."""
        options = columns[0].shape[1]
        result = np.ones((len(self.layers), options, options), dtype=bool)
        for part in parts(len(result), options**2):
            for column in columns:
                rows = column[self.layers[part]]
                result[part] &= rows[:, :, None] <= rows[:, None, :]
        if len(self.starts) == len(self.layers):
            return result
        return np.asarray(np.logical_and.reduceat(result, self.starts, axis=0))

    def choice(self, counts: Counts) -> Ints:
        """The option of each layer; the groups of a class follow each other, the first take the first options."""
        found = np.empty(len(self.layers), np.int64)
        options = np.tile(np.arange(counts.shape[1]), len(counts))
        found[self.layers] = np.repeat(np.repeat(options, counts.ravel()), self.sizes)
        return found


def _binding(tables: Tables) -> dict[str, Grid]:
    """The integer grids of the budgeted costs whose largest sum may exceed the limit."""
    found = {}
    for name in (name for name, limit in tables.limits.items() if limit != np.inf):
        passed = [] if tables.passing is None or name not in tables.passing.costs else [tables.passing.costs[name]]
        grid = to_grid(_flat([tables.costs[name], *passed]), _terms(tables))
        largest = int(grid.of(tables.costs[name]).max(axis=1).sum()) + _uncertain(grid, tables)
        largest += sum(int(grid.of(table).max(axis=(1, 2), initial=0).sum()) for table in passed)
        if grid.floor(tables.limits[name]) < largest:
            found[name] = grid
    return found


def _flat(tables: Sequence[Floats]) -> Floats:
    return np.concatenate([table.ravel() for table in tables])


def _terms(tables: Tables) -> int:
    """How many entries a sum has at most."""
    return len(tables.loss) + (0 if tables.passing is None else len(tables.passing.pairs))


def _uncertain(grid: Grid, tables: Tables) -> int:
    return 0 if grid.exact else _terms(tables)


def _members(tables: Tables, columns: list[Floats], merge: bool) -> tuple[tuple[tuple[int, ...], ...], ...]:
    if not merge:
        return tuple((group,) for group in tables.groups)
    table = np.concatenate([*columns, tables.available], axis=1)
    alike: dict[bytes, list[tuple[int, ...]]] = {}
    for group in tables.groups:
        alike.setdefault(table[group[0] if len(group) == 1 else list(group)].tobytes(), []).append(group)
    return tuple(tuple(groups) for groups in alike.values())
