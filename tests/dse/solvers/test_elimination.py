"""Elimination against every choice of the options that are left."""

import itertools

import numpy as np
import pytest

from dse.solvers import elimination
from dse.solvers.elimination import LARGEST, plan


def _problem(seed):
    """Five layers of which two to four of four options are left, coupled in a ring and across it; some pairs barred."""
    rng = np.random.default_rng(seed)
    left = [np.sort(rng.choice(4, rng.integers(2, 5), replace=False)) for _ in range(5)]
    pairs, priced = np.array([(0, 1), (2, 1), (2, 3), (4, 0)]), np.array([(3, 4), (1, 3)])
    added = rng.integers(0, 9, (len(pairs), 4, 4)).astype(float)
    added[rng.random(added.shape) < 0.2] = np.inf
    return left, pairs, added, priced, rng.integers(0, 9, (5, 4)).astype(float), rng.integers(0, 9, (2, 4, 4)) * 1.0


@pytest.mark.parametrize("seed", range(10))
def test_sums_are_those_of_every_choice(seed):
    left, pairs, added, priced, single, between = _problem(seed)
    found = plan(left, 4, pairs, added, priced)
    choices = np.array(list(itertools.product(*left)))
    sums = single[np.arange(5), choices].sum(axis=1)
    for each, tables in ((pairs, added), (priced, between)):
        for (a, b), table in zip(each.tolist(), tables, strict=True):
            sums += table[choices[:, a], choices[:, b]]
    tables = found.tables(single, between)
    assert sum(float(least) for _, least in tables if not least.ndim) == sums.min()
    best = found.best(tables)
    assert sums[(choices == best).all(axis=1)] == [sums.min()]
    options, both = found.marginals(tables)
    for layer, option in np.ndindex(5, 4):
        assert options[layer, option] == sums[choices[:, layer] == option].min(initial=np.inf)
    for pair, (a, b) in enumerate(priced.tolist()):
        for x, y in np.ndindex(4, 4):
            assert both[pair][x, y] == sums[(choices[:, [a, b]] == (x, y)).all(axis=1)].min(initial=np.inf)


@pytest.mark.parametrize("seed", range(5))
def test_the_least_of_many_problems_is_that_of_each(seed, monkeypatch):
    left, pairs, added, priced, single, between = _problem(seed)
    found = plan(left, 4, pairs, added, priced)
    masked = np.where(np.random.default_rng(seed).random((9, *single.shape)) < 0.7, single, np.inf)
    alone = [sum(float(least) for _, least in found.tables(each, between) if not least.ndim) for each in masked]
    assert found.least(masked, between).tolist() == alone
    monkeypatch.setattr(elimination, "_TOGETHER", 1)
    assert found.least(masked, between).tolist() == alone


def test_the_order_is_that_of_the_smallest_table_each_time():
    """Layers of different sizes on a ring: those of fewest entries go first, of these the first layer."""
    sizes, pairs = [4, 2, 3, 2, 4, 3], np.array([(i, (i + 1) % 6) for i in range(6)])
    found = plan([np.arange(n) for n in sizes], 4, pairs, np.zeros((6, 4, 4)), np.zeros((0, 2), np.int64))
    near = {i: {(i - 1) % 6, (i + 1) % 6} for i in range(6)}
    for clique in found.cliques:
        entries = {i: sizes[i] * int(np.prod([sizes[j] for j in near[i]])) for i in near}
        assert (entries[clique.layer], clique.layer) == min((size, i) for i, size in entries.items())
        beside = near.pop(clique.layer)
        assert set(clique.rest) == beside
        for i in beside:
            near[i] = (near[i] | beside) - {i, clique.layer}


def test_what_is_left_decides_whether_tables_are_small_enough():
    layers, options = 7, 16
    pairs = np.array(list(itertools.combinations(range(layers), 2)))
    added = np.zeros((len(pairs), options, options))
    none = np.zeros((0, 2), np.int64)
    assert options**layers > LARGEST >= 4**layers
    assert plan([np.arange(options)] * layers, options, pairs, added, none) is None
    left = np.array([0, 5, 9, 15])
    found = plan([left] * layers, options, pairs, added, none)
    single = np.random.default_rng(0).permutation(layers * options).reshape(layers, options) * 1.0
    best = found.best(found.tables(single, np.zeros((0, options, options))))
    assert best.tolist() == left[single[:, left].argmin(axis=1)].tolist()
