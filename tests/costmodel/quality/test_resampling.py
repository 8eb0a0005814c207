"""Resampling with a verifier that errs: against enumeration and simulation, and its published shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.quality.resampling import answered, best_samples, expected_samples, precision, value

rates = st.floats(0.01, 0.99)


@given(rates, rates, rates, st.integers(0, 30))
def test_by_the_sample_that_is_accepted(p, t, f, n):
    """Sum over which sample is the first accepted."""
    given_rates = {"correct": p, "true_positive": t, "false_positive": f}
    accept = p * t + (1 - p) * f
    first = [(1 - accept) ** i * accept for i in range(n)]
    assert answered(n, **given_rates) == pytest.approx(sum(first), abs=1e-12)
    drawn = sum(q * (i + 1) for i, q in enumerate(first)) + n * (1 - accept) ** n
    assert expected_samples(n, **given_rates) == pytest.approx(drawn, abs=1e-9)
    right = sum((1 - accept) ** i * p * t for i in range(n))
    wrong = sum((1 - accept) ** i * (1 - p) * f for i in range(n))
    worth = right - 2 * wrong - 0.01 * drawn
    assert value(n, **given_rates, penalty=2, sample_cost=0.01) == pytest.approx(worth, abs=1e-9)


def test_by_simulation():
    rng = np.random.default_rng(1)
    p, t, f, n, runs = 0.3, 0.9, 0.2, 5, 40_000
    right = rng.random((runs, n)) < p
    passed = rng.random((runs, n)) < np.where(right, t, f)
    first = passed.argmax(axis=1)
    worth = np.where(passed.any(axis=1), np.where(right[np.arange(runs), first], 1.0, -1.0), 0.0)
    assert value(n, correct=p, true_positive=t, false_positive=f) == pytest.approx(worth.mean(), abs=4 / runs**0.5)


def test_no_number_of_samples_passes_the_verifier_s_precision():
    rates_ = {"correct": 0.3, "true_positive": 0.95, "false_positive": 0.1}
    reached = value(np.arange(1, 500), **rates_, penalty=0)
    assert (np.diff(reached) >= 0).all()
    assert reached[-1] == pytest.approx(precision(**rates_))
    assert precision(**rates_) < 0.81


@given(rates, rates)
def test_a_perfect_verifier_is_coverage(p, t):
    got = value(10, correct=p, true_positive=t, false_positive=0.0)
    assert got == pytest.approx(1 - (1 - p * t) ** 10)


def test_few_samples_are_best_where_hard_problems_are_answered_wrongly():
    """Easy problems are answered at once; the later samples answer hard ones, oftener wrongly than rightly."""
    problems = {
        "correct": np.array([0.9, 0.7, 0.4, 0.05, 0.01]), "true_positive": 0.95,
        "false_positive": np.array([0.05, 0.05, 0.1, 0.2, 0.3]),
    }  # fmt: skip
    assert 1 <= best_samples(**problems, penalty=1.0) < 10
    assert best_samples(**problems, penalty=0.0, most=2000) > 100
    assert best_samples(**problems, penalty=100.0) == 0
    costs = [best_samples(**problems, penalty=0.2, sample_cost=c, most=500) for c in (0.0, 0.01, 0.1)]
    assert costs == sorted(costs, reverse=True)


def test_never_accepted_is_no_answer():
    assert value(7, correct=0.0, true_positive=1.0, false_positive=0.0, sample_cost=1.0) == -7
    assert np.isnan(precision(correct=0.0, true_positive=1.0, false_positive=0.0))


@pytest.mark.parametrize("bad", [{"correct": 1.1}, {"false_positive": -0.1}, {"most": -1}, {"true_positive": np.nan}])
def test_bad_input_is_one_line(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        best_samples(**({"correct": 0.5, "true_positive": 1.0, "false_positive": 0.0} | bad))


def test_samples_below_none_and_odd_chances_are_refused():
    with pytest.raises(ValueError, match="samples must be at least 0, got -3"):
        value(-3, correct=0.5, true_positive=1.0, false_positive=0.1)
    with pytest.raises(ValueError, match=r"correct must be within \[0, 1\], got 1.5"):
        value(3, correct=1.5, true_positive=1.0, false_positive=0.1)
