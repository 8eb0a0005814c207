"""Scores against their definitions, counted out."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilers import scores

SECONDS = st.floats(1e-7, 1e-1)
PAIRS = st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=12, unique_by=(lambda p: p[0], lambda p: p[1]))


@given(PAIRS)
def test_tau_counts_ordered_pairs(pairs):
    measured, predicted = np.array(pairs).T
    agree = [np.sign(a[0] - b[0]) * np.sign(a[1] - b[1]) for a, b in itertools.combinations(pairs, 2)]
    assert scores.figures(measured, predicted)["kendall_tau"] == pytest.approx(np.mean(agree))


@given(PAIRS, st.sampled_from([0.125, 0.5, 1.0, 2.0, 16.0]))
def test_a_constant_factor_is_all_bias(pairs, factor):
    measured = np.array(pairs)[:, 0]
    found = scores.figures(measured, factor * measured)
    assert found["mape"] == pytest.approx(abs(factor - 1), abs=1e-9)
    assert found["median"] == pytest.approx(abs(factor - 1), abs=1e-9)
    assert found["bias"] == pytest.approx(np.log(factor), abs=1e-9)
    assert found["kendall_tau"] == pytest.approx(1.0)


def test_tau_of_many_rows_is_the_same_sample_each_time():
    rng = np.random.default_rng(1)
    measured = rng.uniform(1.0, 2.0, 3 * scores.MOST_RANKED)
    predicted = measured * rng.uniform(0.5, 2.0, len(measured))
    first, again = (scores.figures(measured, predicted)["kendall_tau"] for _ in range(2))
    few = scores.figures(measured[: scores.MOST_RANKED], predicted[: scores.MOST_RANKED])["kendall_tau"]
    assert first == again
    assert first == pytest.approx(few, abs=0.02)


def test_one_row_has_no_order():
    assert np.isnan(scores.figures(np.ones(1), np.ones(1))["kendall_tau"])


def test_intervals_count_what_they_hold():
    done = pd.DataFrame({
        "gpu": "g", "math": "m", "backend": ["a", "a", "a", "b"], "bound": ["compute", "memory", "memory", "memory"],
        "how": "spec", "latency_s": [1.0, 2.0, 4.0, 1.0], "predicted_s": [1.0, 1.0, 4.0, 1.0],
        "low_s": [0.5, 0.5, 3.0, 1.0], "high_s": [1.5, 1.5, 5.0, 1.0],
    })  # fmt: skip
    found = {(record["backend"], record["regime"]): record for record in scores.table(done)}
    assert list(found) == [("a", "all"), ("a", "compute"), ("a", "memory"), ("b", "all"), ("b", "memory")]
    assert found["a", "all"]["coverage"] == pytest.approx(2 / 3)
    assert found["a", "all"]["width"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found["a", "memory"]["coverage"] == 0.5
    assert found["b", "all"]["width"] == 0.0
    assert [r["regime"] for r in scores.table(done, regimes=False)] == ["all", "all"]
