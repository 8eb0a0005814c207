"""The front of a problem on an FPGA where outputs are priced by the formats of the layers that read them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dse.passed import Passed
from dse.reader_tables import exact
from dse.solvers.grid import to_grid
from dse.solvers.merging import TooManyPointsError
from dse.solvers.reading_front import Pairs, front
from dse.tables import Floats, Tables, read


def points_by_readers(
    passed: Passed,
    given: Mapping[str, Floats],
    limits: Mapping[str, float],
    groups: Sequence[Sequence[int]],
    names: Sequence[str],
    most: int,
) -> tuple[Floats, NDArray[np.int16]] | None:
    """Points float64[points, names] that no plan beats, and the option of each layer; None where they are many.

    `given` are tables of all metrics and budgets, inf where an option is not available.
    """
    loss = given.get("loss", np.zeros_like(next(iter(given.values()))))
    known = {name: np.where(np.isinf(table), 0.0, table) for name, table in given.items()}
    lacking = np.isinf(passed.problem.loss)
    tables = exact(read(np.where(lacking, np.inf, loss), known, limits, (), None), passed, "loss", loose=True)
    try:
        sums, choices = _sums(tables, list(dict.fromkeys([*names, *limits])), limits, groups, most)
    except TooManyPointsError:
        return None
    return sums[:, : len(names)], choices[:, : len(passed.problem.layers)]


def _sums(
    tables: Tables, names: Sequence[str], limits: Mapping[str, float], groups: Sequence[Sequence[int]], most: int
) -> tuple[Floats, NDArray[np.int16]]:
    """The non-dominated sums of some costs within limits, and their options."""
    passing = tables.passing
    pairs = () if passing is None else passing.pairs
    singles, passed, grids = [], [], []
    for name in names:
        single = tables.costs[name]
        added = np.zeros((0, 1, 1)) if passing is None else passing.costs.get(name, np.zeros_like(passing.loss))
        grid = to_grid(np.concatenate([single.ravel(), added.ravel()]), len(single) + len(pairs))
        singles.append(grid.of(single))
        passed.append(grid.of(added))
        grids.append(grid)
    equal = np.eye(tables.loss.shape[1], dtype=bool)
    together = {} if passing is None else dict(passing.together)
    together |= {pair: equal for group in groups for pair in pairwise(group)}
    added_by = {pair: np.stack([table[i] for table in passed]) for i, pair in enumerate(pairs)}
    floors = {i: grids[i].floor(limits[name]) for i, name in enumerate(names) if name in limits}
    found, choices = front(np.stack(singles), tables.available, Pairs(added_by, together), floors, most)
    values = [np.ldexp(column.astype(np.float64), -grid.shift) for column, grid in zip(found.T, grids, strict=True)]
    return np.stack(values, axis=1), choices
