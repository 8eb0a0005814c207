"""Intervals on synthetic errors whose distribution is known."""

import numpy as np
import pytest

from costmodel.estimators.uncertainty import COVERAGE, offsets, regime, total


def test_offsets_cover_new_errors_of_every_stratum():
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1, 2], 3000)
    scale = np.array([0.02, 0.1, 0.3])[strata]
    fitted, fresh = (scale * rng.standard_t(3, len(strata)) + 0.05 * strata for _ in range(2))
    low, high = offsets(fitted, strata, 3)
    for i in range(3):
        inside = (low[i] <= fresh[strata == i]) & (fresh[strata == i] <= high[i])
        assert abs(inside.mean() - COVERAGE) < 0.02
    assert high[2] - low[2] > 5 * (high[0] - low[0])


def test_small_samples_are_covered_on_average():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        low, high = offsets(rng.normal(size=60), np.zeros(60, dtype=np.intp), 1)
        fresh = rng.normal(size=200)
        covered.append(np.mean((low[0] <= fresh) & (fresh <= high[0])))
    assert np.mean(covered) >= COVERAGE - 0.01


def test_a_thin_stratum_takes_the_pooled_offsets():
    errors = np.concatenate([np.linspace(-1, 1, 500), [9.0] * 10])
    low, high = offsets(errors, np.repeat([0, 1], [500, 10]), 3)
    pooled = offsets(errors, np.zeros(510, dtype=np.intp), 1)
    assert (low[1], high[1]) == (pooled[0][0], pooled[1][0])
    assert (low[2], high[2]) == (low[1], high[1])
    assert high[0] < high[1]


def test_regimes_count_bins_and_bounds():
    found = regime(np.array([1e-6, 5e-5, 1e-2]), np.array([False, True, True]), [1e-5, 1e-4, 1e-3])
    assert found.tolist() == [0, 5, 7]


@pytest.mark.parametrize(("rho", "half"), [(0.0, np.sqrt(2) * 0.1), (1.0, 0.2)])
def test_a_sum_of_two_shapes(rho, half):
    low, high = total([1.0, 1.0], [0.9, 0.9], [1.1, 1.1], ["a", "b"], rho)
    assert (low, high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_a_repeated_shape_errs_alike():
    low, high = total(np.full(32, 1.0), np.full(32, 0.9), np.full(32, 1.2), np.zeros(32), 0.0)
    assert (low, high) == (pytest.approx(32 * 0.9), pytest.approx(32 * 1.2))
