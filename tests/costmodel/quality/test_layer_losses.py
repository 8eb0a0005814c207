"""Losses of layers, added."""

import numpy as np
import pytest

from costmodel.quality.layer_losses import added, perplexity
from dse.allocate import solve

LOSSES = np.array([[0.5, 0.1, 0.0], [0.9, 0.2, 0.0]])


def test_sums_of_plans_and_of_many():
    assert added(LOSSES, [0, 2]) == 0.5
    np.testing.assert_allclose(added(LOSSES, [[0, 0], [1, 1], [2, 2]]), [1.4, 0.3, 0.0])


def test_it_is_the_objective_of_a_plan():
    plan = solve(LOSSES, {"bits": np.array([[2.0, 4.0, 8.0]] * 2)}, {"bits": 8.0})
    assert added(LOSSES, plan.choice) == pytest.approx(plan.objective)


def test_perplexity_grows_by_the_factor_of_what_is_added():
    assert perplexity(2.0) == pytest.approx(np.e**2)
    assert perplexity(2.0, 0.1) / perplexity(2.0) == pytest.approx(np.e**0.1)


@pytest.mark.parametrize("choice", [[0], [0, 3], [-1, 0], [[0, 1, 2]]])
def test_bad_choices_are_one_line(choice):
    with pytest.raises(ValueError, match="choice"):
        added(LOSSES, choice)
