import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dse import pareto

TABLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 40), st.integers(1, 5)),
    elements=st.one_of(st.integers(0, 4).map(float), st.floats(-2, 2), st.just(np.inf)),
)


def brute_force(points):
    no_worse = (points[:, None] <= points[None]).all(axis=2)
    better = (points[:, None] < points[None]).any(axis=2)
    return ~(no_worse & better).any(axis=0)


@given(TABLES)
def test_equals_brute_force(points):
    assert pareto.mask(points).tolist() == brute_force(points).tolist()


@given(TABLES)
def test_places_are_the_distinct_points_with_the_rows_at_each(points):
    rows, starts = pareto.places(points)
    assert rows[starts].tolist() == [i for i in np.lexsort(points.T[::-1]) if pareto.distinct(points)[i]]
    every = [np.flatnonzero((points == points[first]).all(axis=1)).tolist() for first in rows[starts]]
    assert [part.tolist() for part in np.split(rows, starts)[1:]] == every


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_equals_brute_force_over_many_blocks(columns):
    random = np.random.default_rng(columns)
    points = np.round(random.normal(size=(1500, columns)), 2)
    points[:, -1] -= points[:, :-1].sum(axis=1)
    assert pareto.mask(points).tolist() == brute_force(points).tolist()


def test_integers_that_float64_would_round_are_told_apart():
    big = 2**60
    rows = np.array([[0, big, big], [1, big, big - 1], [2, big - 1, big + 1], [3, big - 1, big + 2]])
    assert pareto.sorted_mask(rows).tolist() == [True, True, True, False]


def test_equal_points_stay_together_and_order_is_the_callers():
    assert pareto.mask([[2, 2], [1, 3], [2, 2], [3, 3], [1, 3]]).tolist() == [True, True, True, False, True]


def test_no_points():
    assert pareto.mask(np.zeros((0, 2))).tolist() == []


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[np.nan, 1.0]], np.zeros((3, 0))])
def test_bad_input(bad):
    with pytest.raises(ValueError, match="points must"):
        pareto.mask(bad)
