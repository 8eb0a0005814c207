import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.finalists import best_arm


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=12, unique=True), st.integers(0, 50))
def test_without_noise_the_best_wins_within_the_budget(values, extra):
    budget = len(values) * max(1, int(np.ceil(np.log2(len(values))))) + extra
    found = best_arm(lambda arm, _: values[arm], len(values), budget)
    assert values[found.best] == min(values)
    assert found.measurements == found.count.sum() <= budget
    assert found.count.min() >= 1


def test_it_beats_equal_shares_under_noise():
    means = np.array([1.0, 1.05, 1.5, 1.5, 1.6, 1.7, 1.8, 2.0])
    budget = 96

    def right(choose):
        wins = 0
        for seed in range(200):
            noise = np.random.default_rng(seed).normal(0, 0.15, (len(means), budget))
            wins += choose(lambda arm, i, n=noise: means[arm] + n[arm, i]) == 0
        return wins

    halving = right(lambda m: best_arm(m, len(means), budget).best)
    equal = right(lambda m: int(np.argmin([np.mean([m(a, i) for i in range(budget // 8)]) for a in range(8)])))
    assert halving > equal


def test_repeats_count_up_and_progress_is_told():
    asked, told = [], []
    best_arm(lambda arm, i: asked.append((arm, i)) or arm, 3, 12, progress=lambda done, of: told.append((done, of)))
    assert len(set(asked)) == len(asked) == len(told)
    assert told[-1][0] <= told[-1][1] == 12


@pytest.mark.parametrize(("finalists", "budget"), [(4, 7), (0, 5), (1, 0)])
def test_too_small_a_budget(finalists, budget):
    with pytest.raises(ValueError, match="budget must be at least"):
        best_arm(lambda *_: 1.0, finalists, budget)


def test_a_measurement_that_is_not_finite():
    with pytest.raises(ValueError, match="finite, got nan of finalist 0"):
        best_arm(lambda *_: float("nan"), 2, 4)
