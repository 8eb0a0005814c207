import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dse.pareto import mask
from dse.reduction import SAMPLE, Rows, join, reduce


def rows_of(points, groups, index=None):
    index = np.arange(len(points)) if index is None else index
    return Rows(index, np.asarray(groups), np.ones(len(points), dtype=np.int64), np.asarray(points, dtype=float))


def brute_force(rows, objectives):
    """(group, point, first index, how many) of each group's front, by dse.pareto.mask on all of its points."""
    found = []
    for group in np.unique(rows.group):
        mine = np.flatnonzero(rows.group == group)
        points = rows.values[mine, :objectives]
        kept = mine[mask(points)]
        for point in np.unique(rows.values[kept, :objectives], axis=0):
            equal = kept[(rows.values[kept, :objectives] == point).all(axis=1)]
            found.append((int(group), tuple(point), int(rows.index[equal].min()), int(rows.equals[equal].sum())))
    return found


def as_tuples(rows, objectives):
    points = map(tuple, rows.values[:, :objectives])
    return list(zip(rows.group.tolist(), points, rows.index.tolist(), rows.equals.tolist(), strict=True))


SMALL = st.integers(1, 3).flatmap(
    lambda objectives: st.tuples(
        st.just(objectives),
        st.lists(st.tuples(st.integers(0, 2), *[st.integers(0, 4)] * objectives), max_size=40),
        st.integers(0, 2**32 - 1),
    )
)


@given(SMALL)
def test_equals_brute_force_however_it_is_cut_and_ordered(case):
    objectives, drawn, seed = case
    table = np.array(drawn, dtype=np.int64).reshape(-1, objectives + 1)
    rows = rows_of(table[:, 1:], table[:, 0])
    expected = brute_force(rows, objectives)
    assert as_tuples(reduce(rows, objectives), objectives) == expected
    order = np.random.default_rng(seed).permutation(len(rows))
    parts = [reduce(rows.take(part), objectives) for part in np.array_split(order, 3)]
    assert as_tuples(reduce(join(parts), objectives), objectives) == expected


def test_large_sets_are_thinned_without_loss():
    random = np.random.default_rng(0)
    for objectives in (2, 3):
        points = np.round(random.normal(size=(20 * SAMPLE, objectives)), 2)
        points[:, -1] -= points[:, :-1].sum(axis=1) * 0.9
        rows = rows_of(points, random.integers(0, 2, len(points)))
        assert as_tuples(reduce(rows, objectives), objectives) == brute_force(rows, objectives)


def test_nothing_reduces_to_nothing():
    assert len(reduce(rows_of(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)), 2)) == 0
