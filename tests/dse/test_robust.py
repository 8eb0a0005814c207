import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from dse.pareto import mask
from dse.robust import on_front

tables = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(1, 10, (12, 2)))


@given(tables)
def test_without_uncertainty_it_is_the_front(points):
    assert (on_front(points, points, points, draws=3) == mask(points)).all()


@given(tables)
def test_fully_shared_factors_leave_the_front_as_it_is(points):
    wide = on_front(points, points * 0.5, points * 2.0, correlation=1.0, draws=20)
    assert (wide == mask(points)).all()


def test_two_designs_swap_with_the_probability_of_their_difference():
    """Independent log errors of equal spread: P(b < a) = norm.cdf(log(a / b) / (sqrt(2) sigma))."""
    points = np.array([[1.0], [1.1]])
    found = on_front(points, points / 1.5, points * 1.5, draws=4000)
    sigma = np.log(1.5) / norm.ppf(0.95)
    assert found[1] == pytest.approx(norm.cdf(np.log(1 / 1.1) / (np.sqrt(2) * sigma)), abs=0.02)
    assert found.sum() == pytest.approx(1.0)


def test_an_exact_column_and_groups():
    points = np.array([[1.0, 5.0], [1.2, 5.0], [9.0, 1.0]])
    low, high = points.copy(), points.copy()
    low[:, 0], high[:, 0] = points[:, 0] / 2, points[:, 0] * 2
    together = on_front(points, low, high, correlation=1.0, draws=400)
    apart = on_front(points, low, high, correlation=1.0, groups=["h100", "l40s", "h100"], draws=400)
    assert together.tolist() == [1.0, 0.0, 1.0]
    assert 0.05 < apart[1] < 0.6
    assert apart[2] == 1.0


def test_values_that_may_be_negative_err_by_sums():
    points = np.array([[0.0], [-1.0]])
    found = on_front(points, points - 0.1, points + 0.1, draws=200)
    assert found.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"low": [[2.0]]}, "low <= point <= high"),
        ({"high": [[1.0, 2.0]]}, "one shape"),
        ({"correlation": 1.5}, "within 0 and 1"),
        ({"groups": ["a", "b"]}, "one group a point"),
        ({"points": [[np.nan]]}, "low <= point <= high"),
    ],
)
def test_bad_input(change, says):
    table = {"points": [[1.0]], "low": [[1.0]], "high": [[1.0]]} | change
    with pytest.raises(ValueError, match=says):
        on_front(**table)
