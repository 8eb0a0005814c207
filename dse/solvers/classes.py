"""From checked tables to an integer instance, alike groups of layers as one class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.exact import meets_budgets
from dse.solvers.grid import Grid, to_grid
from dse.solvers.instance import Counts, Instance
from dse.tables import Floats, Tables


@dataclass(frozen=True)
class Classes:
    """An instance, the groups of layers behind each of its classes, and the grid of its losses."""

    tables: Tables
    instance: Instance
    members: tuple[tuple[tuple[int, ...], ...], ...]
    loss_grid: Grid

    def choice(self, counts: Counts) -> NDArray[np.int64]:
        """The option of each layer: within a class, the first groups take the first options."""
        return _choice(self.members, counts, len(self.tables.loss))


def classes(tables: Tables, *, merge: bool = True) -> Classes:
    """Return the instance of the budgets that can bind; without `merge` every group is a class of its own."""
    added = tables.conversion if tables.conversion is not None else tables.loss[:0]
    loss_grid = to_grid(np.concatenate([tables.loss, added]), terms=2 * len(tables.loss))
    binding = _binding(tables)
    columns = [tables.loss, *(tables.costs[name] for name in binding)]
    members = _members(tables, columns, merge)
    heads = [groups[0] for groups in members]
    shape = len(binding), len(heads), tables.loss.shape[1]
    instance = Instance(
        loss=_summed(loss_grid.of(tables.loss), heads),
        costs=np.array([_summed(grid.values, heads) for grid in binding.values()], np.int64).reshape(shape),
        limits=np.array([grid.floor(tables.limits[name]) for name, grid in binding.items()], np.int64),
        available=np.array([tables.available[group[0]] for group in heads]),
        no_worse=np.array([_no_worse(columns, group) for group in heads]),
        copies=np.array([len(groups) for groups in members], np.int64),
        uncertain=np.array([_uncertain(grid) for grid in binding.values()], np.int64),
        admits=lambda counts: meets_budgets(tables, _choice(members, counts, len(tables.loss))),
    )
    return Classes(tables, instance, members, loss_grid)


def _binding(tables: Tables) -> dict[str, Grid]:
    """The integer grids of the budgeted costs whose largest sum may exceed the limit."""
    grids = {name: to_grid(tables.costs[name]) for name, limit in tables.limits.items() if limit != np.inf}
    largest = {name: int(grid.values.max(axis=1).sum()) + _uncertain(grid) for name, grid in grids.items()}
    return {name: grid for name, grid in grids.items() if grid.floor(tables.limits[name]) < largest[name]}


def _uncertain(grid: Grid) -> int:
    return 0 if grid.exact else len(grid.values)


def _members(tables: Tables, columns: list[Floats], merge: bool) -> tuple[tuple[tuple[int, ...], ...], ...]:
    if not merge:
        return tuple((group,) for group in tables.groups)
    alike: dict[bytes, list[tuple[int, ...]]] = {}
    for group in tables.groups:
        rows = list(group)
        key = b"".join(column[rows].tobytes() for column in columns) + tables.available[group[0]].tobytes()
        alike.setdefault(key, []).append(group)
    return tuple(tuple(groups) for groups in alike.values())


def _summed(values: NDArray[np.int64], groups: list[tuple[int, ...]]) -> NDArray[np.int64]:
    return np.array([values[list(group)].sum(axis=0) for group in groups])


def _no_worse(columns: list[Floats], group: tuple[int, ...]) -> NDArray[np.bool_]:
    rows = np.concatenate([column[list(group)] for column in columns])
    return np.asarray((rows[:, :, None] <= rows[:, None, :]).all(axis=0))


def _choice(members: tuple[tuple[tuple[int, ...], ...], ...], counts: Counts, layers: int) -> NDArray[np.int64]:
    choice = np.empty(layers, np.int64)
    for groups, row in zip(members, counts, strict=True):
        for group, option in zip(groups, np.repeat(np.arange(len(row)), row), strict=True):
            choice[list(group)] = option
    return choice
