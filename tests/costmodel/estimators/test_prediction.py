"""The record of predictions: shapes, and several models' rows in one."""

import numpy as np

from costmodel.estimators.prediction import Prediction, scattered


def made(*seconds, how="calibrated", correlation=0.1):
    s = np.array(seconds)
    return Prediction(s, s / 2, s * 2, np.full(len(s), "memory"), s > 2, how, correlation)


def test_rows_of_several_models_come_together_with_their_own_source():
    rows = [(np.array([2, 0]), made(1.0, 3.0)), (np.array([3]), made(5.0, how="spec (from x)", correlation=1.0))]
    found = scattered(rows, 4)
    np.testing.assert_array_equal(found.latency_s, [3.0, np.nan, 1.0, 5.0])
    np.testing.assert_array_equal(found.high_s, [6.0, np.nan, 2.0, 10.0])
    assert found.how.tolist() == ["calibrated", "", "calibrated", "spec (from x)"]
    assert found.bound.tolist() == ["memory", "", "memory", "memory"]
    assert found.extrapolated.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(found.correlation, [0.1, np.nan, 0.1, 1.0])


def test_a_grid_keeps_what_is_one_value_for_all():
    found = made(1.0, 2.0, 3.0, 4.0).reshape((2, 2))
    assert found.latency_s.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.extrapolated.shape == found.bound.shape == (2, 2)
    assert (found.how, found.correlation) == ("calibrated", 0.1)
