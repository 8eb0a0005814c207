"""Votes: against every outcome of a few samples, and what stopping early saves."""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.quality.majority_vote import coverage, expected_samples, majority_accuracy, path_confidence


@given(st.integers(1, 9), st.floats(0, 1))
def test_against_every_outcome(n, p):
    accuracy, drawn, found = 0.0, 0.0, 0.0
    for outcome in product((False, True), repeat=n):
        probability = float(np.prod([p if right else 1 - p for right in outcome]))
        yes = sum(outcome)
        accuracy += probability * (1.0 if 2 * yes > n else 0.5 if 2 * yes == n else 0.0)
        counts = np.cumsum(outcome)
        sure = [i + 1 for i in range(n) if max(counts[i], i + 1 - counts[i]) > n / 2]
        drawn += probability * (sure[0] if sure else n)
        found += probability * any(outcome)
    assert majority_accuracy(n, p) == pytest.approx(accuracy, abs=1e-12)
    assert expected_samples(n, p) == pytest.approx(drawn, abs=1e-9)
    assert coverage(n, p) == pytest.approx(found, abs=1e-12)


def test_sure_answers_save_half():
    assert expected_samples(41, 1.0) == 21
    assert 21 < expected_samples(41, 0.8) < expected_samples(41, 0.5) < 41


def test_a_majority_helps_the_better_half():
    assert majority_accuracy(101, 0.6) > 0.97
    assert majority_accuracy(101, 0.4) < 0.03
    assert majority_accuracy(40, 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [64, 65, 1030, 1031])
@pytest.mark.parametrize("thousandths", [1, 300, 500, 510, 990])
def test_against_whole_numbers_of_many_samples(n, thousandths):
    ways = [comb(n, k) * thousandths**k * (1000 - thousandths) ** (n - k) for k in range(n + 1)]
    exact = Fraction(2 * sum(ways[n // 2 + 1 :]) + (ways[n // 2] if n % 2 == 0 else 0), 2 * 1000**n)
    assert majority_accuracy(n, thousandths / 1000) == pytest.approx(float(exact), rel=1e-10, abs=1e-100)


@pytest.mark.parametrize("n", [1030, 5001])
@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
def test_many_votes_are_sure_as_early_as_drawn_ones(n, p):
    votes = np.cumsum(np.random.default_rng(0).random((400, n), dtype=np.float32) < p, axis=1)
    counts = np.arange(1, n + 1)
    sure = np.maximum(votes, counts - votes) > n / 2
    drawn = np.where(sure.any(axis=1), sure.argmax(axis=1) + 1, n)
    error = drawn.std() / np.sqrt(len(drawn))
    assert expected_samples(n, p) == pytest.approx(drawn.mean(), abs=4 * error)


@given(st.floats(0, 1))
def test_two_samples_are_right_as_often_as_one(p):
    assert majority_accuracy(1, p) == majority_accuracy(2, p) == p


@pytest.mark.parametrize("n", [10**6, 10**9])
def test_any_number_of_samples_is_counted(n):
    assert majority_accuracy(n, 0.5) == pytest.approx(0.5)
    assert majority_accuracy(n, 0.6) == pytest.approx(1.0)
    assert expected_samples(n, 0.8) == pytest.approx(n / 2 / 0.8, rel=1e-5)


def test_a_path_counts_once_by_its_probability():
    found = path_confidence(["4", "4", "4", "5"], [-1.0, -1.0, -2.0, -0.5])
    assert found == pytest.approx({"4": np.exp(-1) + np.exp(-2), "5": np.exp(-0.5)})


@pytest.mark.parametrize(("n", "p", "says"), [(0, 0.5, "got 0"), (2.5, 0.5, "got 2.5"), (3, 1.5, "got 1.5")])
def test_bad_input_is_one_line(n, p, says):
    for law in (majority_accuracy, expected_samples, coverage):
        with pytest.raises(ValueError, match=says):
            law(n, p)


def test_unpaired_paths_are_one_line():
    with pytest.raises(ValueError, match="got 1 and 2"):
        path_confidence(["4"], [-1.0, -2.0])
