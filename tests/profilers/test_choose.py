"""The next shape is one that fits disagree about."""

import numpy as np
import pytest

from profilers import choose


def grid():
    axis = np.linspace(0.0, 10.0, 11)
    return np.stack([x.reshape(-1) for x in np.meshgrid(axis, axis)], axis=1)


def picked(points, error, count):
    measured, errors = [], []
    for _ in range(count):
        at = choose.next_index(points, np.array(measured, dtype=np.intp), np.array(errors))
        measured.append(at)
        errors.append(error(points[at]))
    return measured


def test_the_start_fills_the_space():
    points = grid()
    corners = points[picked(points, lambda _p: 0.0, choose.START)]
    assert np.ptp(corners, axis=0).tolist() == [10.0, 10.0]
    assert len(np.unique(corners, axis=0)) == choose.START


def test_nothing_is_measured_twice_and_an_end_is_told():
    points = grid()
    assert len(set(picked(points, lambda p: p[0], len(points)))) == len(points)
    with pytest.raises(ValueError, match="all 121 shapes are measured"):
        choose.next_index(points, np.arange(121), np.zeros(121))


def test_fits_disagree_where_the_measured_ones_do_not_tell():
    rng = np.random.default_rng(0)
    points = grid()
    seen = np.flatnonzero(points[:, 0] < 4.0)
    scaled = choose._scaled(points)
    errors = np.sin(points[seen, 0]) + rng.normal(0.0, 0.05, len(seen))
    unsure = choose.disagreement(scaled, scaled[seen], errors)
    assert unsure[points[:, 0] > 8.0].mean() > 2.5 * unsure[points[:, 0] < 4.0].mean()


def test_chosen_shapes_teach_more_than_random_ones():
    """A step in one corner: the fit to chosen shapes errs less at worst than to as many random ones."""
    points = grid()

    def error(p):
        return 0.1 * p[0] + (0.8 if p[0] > 6 and p[1] > 6 else 0.0)

    truth = np.array([error(p) for p in points])
    scaled = choose._scaled(points)

    def worst(measured):
        x, at = choose._terms(scaled[measured]), choose._terms(scaled)
        fit = np.linalg.solve(x.T @ x + choose.RIDGE * np.eye(x.shape[1]), x.T @ truth[measured])
        return float(np.abs(at @ fit - truth).max())

    rng = np.random.default_rng(0)
    at_random = [worst(rng.choice(len(points), 16, replace=False)) for _ in range(40)]
    assert worst(picked(points, error, 16)) < np.median(at_random)
