"""What layers add by what reads them, on the grids of an instance: the least of it alone, the rest by pairs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dse.solvers import coupling
from dse.solvers.classes import Classes
from dse.solvers.coupling import Coupled
from dse.tables import Floats

Ints = NDArray[np.int64]


def passing(problem: Coupled, found: Classes) -> Coupled:
    """The problem of classes that are single groups with their tables' passing; itself where they have none."""
    tables = found.tables
    if tables.passing is None:
        return problem
    place = {layer: i for i, groups in enumerate(found.members) for group in groups for layer in group}
    pairs = np.array([(place[a], place[b]) for a, b in tables.passing.pairs], np.int64).reshape(-1, 2)
    apart = np.flatnonzero(pairs[:, 0] != pairs[:, 1])
    named = [(found.loss_grid.of, tables.passing.loss)]
    zeros = np.zeros_like(tables.passing.loss)
    named += [(grid.of, tables.passing.costs.get(name, zeros)) for name, grid in found.cost_grids.items()]
    rest, alone = [], []
    for on_grid, table in named:
        single, left = _split(problem, pairs, on_grid, table)
        alone.append(single)
        rest.append(left[apart])
    instance = problem.instance
    costs = instance.costs + np.array(alone[1:], np.int64).reshape(instance.costs.shape)
    passed = coupling.Passing(pairs[apart], rest[0], np.array(rest[1:], np.int64).reshape(len(costs), *rest[0].shape))
    barred = [((place[a], place[b]), ~table) for (a, b), table in tables.passing.together.items()]
    problem = replace(problem, instance=replace(instance, loss=instance.loss + alone[0], costs=costs), passing=passed)
    return problem.barring(barred)


def _split(problem: Coupled, pairs: Ints, on_grid: Callable[[Floats], Ints], table: Floats) -> tuple[Ints, Ints]:
    """What options of groups add at least, [groups, options], and what pairs add to it, [pairs, options, kinds]."""
    instance, kinds = problem.instance, np.arange(table.shape[2])
    values, (writer, reader) = on_grid(table), pairs.T
    own = np.broadcast_to(kinds, instance.loss.shape) if problem.kinds is None else problem.kinds
    has = ((own[..., None] == kinds) & instance.available[..., None]).any(axis=1)
    can = np.where(has[reader][:, None, :], values, np.iinfo(np.int64).max)
    same = np.broadcast_to((writer == reader)[:, None], values.shape[:2])
    least = np.where(same, np.take_along_axis(values, own[writer][..., None], axis=2)[..., 0], can.min(axis=2))
    single = np.zeros_like(instance.loss)
    np.add.at(single, writer, np.where(instance.available[writer], least, 0))
    left = np.maximum(values - least[..., None], 0)
    return single, np.where(instance.available[writer][..., None], left, 0)
