from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dse.solvers.grid import to_grid

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(st.lists(NUMBERS, min_size=1, max_size=12))
def test_grid_rounds_down_by_less_than_one_step_and_knows_when_not_at_all(values):
    grid = to_grid(np.array(values)[:, None])
    back = [grid.real(int(v)) for v in grid.values[:, 0]]
    step = grid.real(1)
    assert all(0 <= Fraction(v) - b < step for v, b in zip(values, back, strict=True))
    assert grid.exact == all(Fraction(v) == b for v, b in zip(values, back, strict=True))
    assert abs(int(grid.values.astype(object).sum())) < 2**61


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=9), st.integers(-300, 300))
def test_integers_and_their_power_of_two_multiples_are_exact(values, power):
    assert to_grid(np.ldexp(np.array(values, float), power)[:, None]).exact


@given(NUMBERS, NUMBERS.filter(bool))
def test_floor_keeps_order(limit, value):
    grid = to_grid(np.array([[value]]))
    below = grid.floor(limit)
    assert grid.real(below) <= Fraction(limit) < grid.real(below + 1)
