"""Timing stops where the median is known, and keeps what other processes took out of it."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilers import timing
from profilers.timing import HostClock, Timing, measure, summary


class Steps:
    """A clock that gives times from a list, in turn."""

    def __init__(self, times):
        self.times, self.prepared, self.given = times, 0, 0

    def prepare(self, _work):
        self.prepared += 1

    def times_s(self, _work, runs):
        found = np.resize(self.times, self.given + runs)[self.given :]
        self.given += runs
        return found


def test_steady_runs_need_no_more_than_the_least():
    clock = Steps([1e-3])
    found = measure([lambda: None], clock, budget_s=10.0)
    assert (found.runs, found.latency_s, found.spread, clock.prepared) == (timing.LEAST_RUNS, 1e-3, 0.0, 1)


def test_uneven_runs_are_repeated_until_the_interval_is_narrow():
    rng = np.random.default_rng(0)
    found = measure([lambda: None], Steps(rng.normal(1e-3, 1e-4, 5000)), budget_s=10.0)
    assert found.runs > 4 * timing.LEAST_RUNS
    assert found.spread <= timing.TARGET
    assert found.median_low_s <= 1e-3 * 1.02


def test_the_budget_ends_what_never_settles():
    found = measure([lambda: None], Steps([1e-3, 3e-3]), budget_s=1e-3)
    assert found.spread > timing.TARGET


@given(st.lists(st.floats(1e-6, 1.0), min_size=6, max_size=50))
def test_figures_are_in_order(times):
    found = summary(np.array(times))
    assert found.least_s <= found.median_low_s <= found.latency_s * (1 + 1e-12)
    assert found.latency_s <= found.median_high_s * (1 + 1e-12)
    inner = found.interquartile_mean_s
    assert min(times) * (1 - 1e-12) <= inner <= max(times) * (1 + 1e-12)


def test_the_interval_of_the_median_holds_it_in_most_samples():
    rng = np.random.default_rng(1)
    draws = [summary(rng.exponential(1.0, 60)) for _ in range(200)]
    assert 0.88 < np.mean([d.median_low_s <= np.log(2) <= d.median_high_s for d in draws]) < 0.995


def test_a_budget_must_be_positive():
    with pytest.raises(ValueError, match="budget_s must be positive, got 0"):
        measure([lambda: None], HostClock(), budget_s=0.0)


def test_the_host_clock_measures_a_sleep():
    found = measure([lambda: time.sleep(2e-3)], HostClock(2), budget_s=0.05)
    assert 2e-3 <= found.least_s < 0.1


def test_runs_in_which_the_core_was_lost_are_left_out(monkeypatch):
    lost = iter([0, 0, 0, 1, *[1] * 20])
    monkeypatch.setattr(timing, "_preemptions", lambda: next(lost))
    slow = iter([0.0, 2e-2, 0.0, 0.0, 0.0, 0.0])
    clock = HostClock(threads=2)
    times = clock.times_s([lambda: time.sleep(next(slow))], 6)
    assert len(times) == 5
    assert times.max() < 2e-2
    assert clock.busy_share == pytest.approx(1 / 6)


def test_spread_is_half_the_interval_over_the_median():
    assert Timing(2.0, 1.9, 2.3, 2.0, 1.8, 10).spread == pytest.approx(0.1)
