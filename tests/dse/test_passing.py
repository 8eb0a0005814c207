"""Plans of layers that cost by what reads them, against every plan."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dse import allocate
from dse.infeasible import infeasible
from dse.tables import Passing, Tables, read

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def _tables(seed: int, *, per_kind: int = 1, conversion: bool = False) -> Tables:
    """Seven rows of three kinds: a chain of five with a skip, whose writers add by their readers; two rows that hold
    what several others take; two budgets."""
    rng = np.random.default_rng(seed)
    rows, kinds = 7, 3
    options = kinds * per_kind
    kind = np.tile(np.arange(kinds), (rows, per_kind))
    scale = rng.choice([1.0, 0.1])
    table = {name: rng.integers(0, 40, (rows, options)) * scale for name in ("loss", "lut", "bram")}
    table["loss"][5:] = 0.0
    pairs = ((0, 1), (1, 5), (2, 3), (3, 6), (4, 4))
    costs = {name: rng.integers(0, 30, (len(pairs), options, kinds)) * scale for name in ("lut", "bram")}
    together = np.arange(kinds)[:, None] >= np.arange(kinds)
    added = rng.integers(0, 3, (len(pairs), options, kinds)) * scale * (seed % 2)
    converts = (1.0 - np.eye(kinds)) * 2.0 * scale if conversion else None
    limits = {name: float(table[name].mean(axis=1).sum() + rng.integers(10, 90) * scale) for name in costs}
    found = read(table.pop("loss"), table, limits, (), None, [(0, 1), (1, 2), (2, 3)])
    passing = Passing(pairs, added, costs, dict.fromkeys(((5, 2), (5, 6), (6, 4)), together))
    return replace(found, kinds=kind if per_kind > 1 else None, passing=passing, conversion=converts)


def _every(tables: Tables) -> tuple[Ints, dict[str, Floats]]:
    """Every plan that keeps what cannot be together, with its sums."""
    at, passing = np.arange(len(tables.loss)), tables.passing
    assert passing is not None
    choices = np.array(list(itertools.product(*(np.flatnonzero(row) for row in tables.available))))
    kind = choices if tables.kinds is None else tables.kinds[at, choices]
    kept = [table[kind[:, a], kind[:, b]] for (a, b), table in passing.together.items()]
    choices, kind = choices[np.all(kept, axis=0)], kind[np.all(kept, axis=0)]
    sums = {"loss": tables.loss, **tables.costs}
    sums = {name: table[at, choices].sum(axis=1) for name, table in sums.items()}
    for pair, (a, b) in enumerate(passing.pairs):
        for name, table in {"loss": passing.loss, **passing.costs}.items():
            sums[name] += table[pair, choices[:, a], kind[:, b]]
    if tables.conversion is not None:
        sums["loss"] += sum(tables.conversion[kind[:, a], kind[:, b]] for a, b in tables.edges)
    return choices, sums


@pytest.mark.parametrize("seed", range(12))
def test_the_best_of_every_plan_is_found_and_proven(seed: int) -> None:
    tables = _tables(seed, conversion=seed % 3 == 0)
    _same(tables)


@pytest.mark.parametrize("seed", range(6))
def test_so_it_is_where_several_options_are_of_one_kind(seed: int) -> None:
    tables = _tables(seed, per_kind=2, conversion=seed % 3 == 0)
    _same(_narrowed(tables))


def test_a_refusal_has_the_least_of_every_plan() -> None:
    tables = _tables(1)
    tables = replace(tables, limits={"lut": 1.0, "bram": 1e9})
    error = infeasible(tables, None, None)
    assert error.alone
    assert error.least["lut"] == pytest.approx(_every(tables)[1]["lut"].min())


def _narrowed(tables: Tables) -> Tables:
    """The tables with few enough options to try all: two or three a row."""
    rng = np.random.default_rng(7)
    available = rng.random(tables.loss.shape) < 0.5
    available[:, 0] = True
    available[:5, 1] = available[5:, 2] = True
    kept = tables.keep(available)
    assert kept is not None
    return kept


def _same(tables: Tables) -> None:
    choices, sums = _every(tables)
    fits = np.all([sums[name] <= limit + 1e-9 for name, limit in tables.limits.items()], axis=0)
    plan = allocate.best(tables)
    if plan is None:
        assert not fits.any()
        return
    assert plan.objective == pytest.approx(sums["loss"][fits].min())
    assert plan.proven
    at = int(np.flatnonzero((choices == plan.choice).all(axis=1))[0])
    assert dict(plan.totals) == pytest.approx({name: sums[name][at] for name in plan.totals})


def test_most_of_the_problems_have_plans() -> None:
    assert sum(allocate.best(_tables(seed)) is not None for seed in range(12)) > 8
