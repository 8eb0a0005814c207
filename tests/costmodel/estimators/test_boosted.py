"""Oblivious trees: numpy's answer equals a walk by hand, scikit-learn's stumps, and what was stored."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from costmodel.estimators.boosted import ObliviousTrees, pack, unpack
from profilers.boosting import Growth, bin_edges, grow


def random_trees(rng, features=5, trees=17, depth=4, edges=9):
    return ObliviousTrees(
        np.sort(rng.normal(size=(features, edges)), axis=1),
        rng.integers(0, features, (trees, depth)).astype(np.uint8),
        rng.integers(0, edges, (trees, depth)).astype(np.uint8),
        rng.normal(size=(trees, 2**depth)),
    )


def walk(trees, row):
    """One row, tree by tree and question by question."""
    total = 0.0
    for feature, cut, values in zip(trees.feature, trees.cut, trees.values, strict=True):
        leaf = 0
        for f, c in zip(feature, cut, strict=True):
            leaf = 2 * leaf + int(row[f] > trees.edges[f][c])
        total += values[leaf]
    return total


def test_all_rows_at_once_equal_a_walk():
    rng = np.random.default_rng(3)
    trees = random_trees(rng)
    rows = rng.normal(size=(5, 700))
    rows[:, :5] = trees.edges[:, :5]
    np.testing.assert_allclose(trees.predict(rows), [walk(trees, row) for row in rows.T], rtol=1e-12, atol=1e-12)
    assert trees.predict(rows[:, :0]).shape == (0,)


def test_scikit_learns_stumps_give_scikit_learns_prediction():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(800, 3))
    target = np.sin(rows[:, 0]) + rows[:, 1] * (rows[:, 2] > 0)
    model = HistGradientBoostingRegressor(max_depth=1, max_iter=40, early_stopping=False).fit(rows, target)
    nodes = [predictors[0].nodes for predictors in model._predictors]
    thresholds = [(int(n[0]["feature_idx"]), float(n[0]["num_threshold"])) for n in nodes]
    edges = np.full((3, 60), np.inf)
    for f in range(3):
        own = sorted({t for g, t in thresholds if g == f})
        edges[f, : len(own)] = own
    trees = ObliviousTrees(
        edges,
        np.array([[f] for f, _ in thresholds], dtype=np.uint8),
        np.array([[np.searchsorted(edges[f], t)] for f, t in thresholds], dtype=np.uint8),
        np.array([[n[n[0]["left"]]["value"], n[n[0]["right"]]["value"]] for n in nodes]),
    )
    ours = trees.predict(rows.T) + model._baseline_prediction.ravel()[0]
    np.testing.assert_allclose(ours, model.predict(rows), rtol=0, atol=1e-9)


def test_storing_keeps_the_prediction():
    rng = np.random.default_rng(1)
    trees = random_trees(rng)
    again = unpack(pack(trees))
    rows = rng.normal(size=(5, 300))
    largest = np.abs(trees.values).max()
    assert np.abs(again.values - trees.values).max() <= largest / 32767
    assert np.mean(np.abs(again.predict(rows) - trees.predict(rows)) < 1e-3) > 0.99
    np.testing.assert_array_equal(unpack(pack(again)).values, again.values)


def test_grown_trees_learn_an_interaction_and_shrink_towards_nothing_on_noise():
    rng = np.random.default_rng(2)
    rows = rng.uniform(-1, 1, size=(4, 3000))
    signal = 0.3 * (rows[0] > 0.2) * (rows[1] < -0.1) - 0.1 * rows[2]
    groups = np.arange(3000) % 60
    how = Growth(trees=150, depth=3, huber=1.0)
    learned = grow(rows[:, :2000], signal[:2000] + rng.normal(0, 0.05, 2000), groups[:2000], how)
    left = signal[2000:] - learned.predict(rows[:, 2000:])
    assert np.std(left) < 0.35 * np.std(signal)
    noise = grow(rows[:, :2000], rng.normal(0, 0.05, 2000), groups[:2000], how)
    assert np.std(noise.predict(rows[:, 2000:])) < 0.05


@pytest.mark.parametrize("last", [(), (0.3,), (1.0, -0.2)])
def test_features_that_are_known_can_be_left_out(last):
    rng = np.random.default_rng(5)
    trees = random_trees(rng)
    rows = rng.normal(size=(5, 300))
    count = 5 - len(last)
    rows[count:] = np.array(last)[:, None]
    known = trees.knowing(last)
    assert known.edges.shape[0] == count
    np.testing.assert_array_equal(known.predict(rows[:count]), trees.predict(rows))


def test_every_sum_moves_by_the_same_and_a_constant_says_nothing():
    rng = np.random.default_rng(6)
    trees, rows = random_trees(rng), rng.normal(size=(5, 50))
    np.testing.assert_allclose(trees.moved(0.25).predict(rows), trees.predict(rows) + 0.25, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ObliviousTrees.constant(5).predict(rows), 0.0)


def test_growing_twice_gives_the_same_trees():
    rng = np.random.default_rng(4)
    rows, target = rng.normal(size=(3, 400)), rng.normal(size=400)
    first, second = (grow(rows, target, np.arange(400), Growth(trees=20, depth=3)) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.cut, second.cut)


def test_edges_separate_every_value_where_there_are_few():
    edges = bin_edges(np.array([[1.0, 2.0, 4.0, 2.0], [5.0, 5.0, 5.0, 5.0]]), 8)
    assert edges[0, :2].tolist() == [1.5, 3.0]
    assert np.isinf(edges[0, 2:]).all()
    assert np.isinf(edges[1]).all()


def test_wrong_number_of_features_is_one_clear_line():
    with pytest.raises(ValueError, match="grown on 5 features, got 4"):
        random_trees(np.random.default_rng(0)).predict(np.zeros((4, 3)))
