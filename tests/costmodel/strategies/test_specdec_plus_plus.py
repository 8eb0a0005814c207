"""The best draft lengths: against every policy, against simulation, and the threshold that they keep."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.strategies.drafting import speedup
from costmodel.strategies.specdec_plus_plus import passes_of, plan, stop_threshold

rates = st.floats(0, 1)
costs = st.floats(0, 1.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(rates, min_size=1, max_size=5), costs)
def test_no_policy_takes_fewer_passes(trace, cost):
    """Every draft length at every place: the product of all."""
    found = plan(trace, cost)
    n = len(trace)
    every = product(*(range(n - place) for place in range(n)))
    best = min(passes_of(policy, trace, cost)[0] for policy in every)
    assert found.passes[0] == pytest.approx(best, rel=1e-12, abs=1e-12)
    assert passes_of(found.draft_tokens, trace, cost)[0] == pytest.approx(best, rel=1e-12, abs=1e-12)


def test_a_policy_costs_what_simulation_says():
    rng = np.random.default_rng(0)
    trace, cost, policy = rng.uniform(0.4, 1.0, 12), 0.2, [3] * 12
    spent = []
    for _ in range(4000):
        place, passes = 0, 0.0
        while place < 12:
            k = min(policy[place], 12 - place - 1)
            accepted = rng.random(k) < trace[place : place + k]
            place += 1 + (k if accepted.all() else int(accepted.argmin()))
            passes += 1 + k * cost
        spent.append(passes)
    assert passes_of(policy, trace, cost)[0] == pytest.approx(np.mean(spent), abs=4 * np.std(spent) / 4000**0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(rates, min_size=2, max_size=40), st.floats(0.01, 0.9))
def test_a_draft_stops_before_a_rejection_is_likelier_than_a_threshold(trace, cost):
    """A token is worth at most a pass of the target, so none is drafted whose chance to survive is below its cost."""
    found = plan(trace, cost)
    for place, k in enumerate(found.draft_tokens):
        rejection = 1 - np.cumprod(trace[place : place + k])
        assert (rejection <= 1 - cost + 1e-9).all()


@pytest.mark.parametrize(("rate", "cost"), [(0.6, 0.05), (0.8, 0.165), (0.9, 0.1), (0.95, 0.02), (0.3, 0.4)])
def test_of_an_even_trace_the_threshold_is_the_policy_and_fixed_lengths_are_best(rate, cost):
    found = plan(np.full(600, rate), cost)
    k = int(found.draft_tokens[0])
    threshold = stop_threshold(rate, cost)
    assert 1 - rate**k < threshold or k == 0
    assert 1 - rate ** (k + 1) >= threshold
    assert k == np.argmax(speedup(rate, np.arange(65), cost))
    assert 600 / found.passes[0] == pytest.approx(max(speedup(rate, np.arange(65), cost)), rel=0.01)


def test_adapting_beats_every_fixed_length_where_acceptance_varies():
    """Runs of easy and of hard tokens."""
    trace = np.tile([0.98] * 12 + [0.3] * 6, 20)
    adaptive = plan(trace, 0.165).passes[0]
    fixed = min(passes_of([k] * len(trace), trace, 0.165)[0] for k in range(20))
    assert adaptive < 0.95 * fixed


@pytest.mark.parametrize(
    ("trace", "cost", "says"),
    [
        ([], 0.1, "one probability a place"),
        ([0.5, 1.5], 0.1, "got 1.5"),
        ([0.5], -0.1, "got -0.1"),
        ([np.nan], 0, "nan"),
    ],
)
def test_bad_input_is_one_line(trace, cost, says):
    with pytest.raises(ValueError, match=says):
        plan(trace, cost)
