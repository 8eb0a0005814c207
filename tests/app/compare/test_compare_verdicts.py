"""Best is what no interval contests; a factor is of the reference; what is equal is no difference."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app.compare import view
from app.compare.verdicts import AMONG, BEST, OTHER, differ, overlap, verdicts

values = st.floats(1e-6, 1e6).flatmap(
    lambda v: st.tuples(st.floats(0.5, 1.0), st.floats(1.0, 2.0)).map(
        lambda ends: {"value": v, "low": v * ends[0], "high": v * ends[1]}
    )
)


def standings(metric, found):
    return [v.standing for v in verdicts(metric, found, 0)]


def test_the_least_latency_is_best_and_the_highest_rate():
    found = [{"value": 2.0}, {"value": 1.0}, {"value": 3.0}]
    assert standings("latency_s", found) == [OTHER, BEST, OTHER]
    assert standings("tokens_per_s", found) == [OTHER, OTHER, BEST]
    assert [v.factor for v in verdicts("latency_s", found, 1)] == [2.0, 1.0, 3.0]


def test_overlapping_intervals_have_no_best():
    found = [{"value": 2.0, "low": 1.5, "high": 3.0}, {"value": 1.0, "low": 0.8, "high": 1.6}, {"value": 9.0}]
    assert standings("latency_s", found) == [AMONG, AMONG, OTHER]
    assert [v.certain for v in verdicts("latency_s", found, 0)] == [False, False, True]


def test_marks_name_the_best_and_a_multiple_within_intervals_is_no_firm_one():
    found = [{"value": 2.0, "low": 1.5, "high": 3.0}, {"value": 1.0, "low": 0.8, "high": 1.6}, {"value": 7.0}]
    first, second, third = verdicts("latency_s", found, 0)
    assert {first.best, second.best, third.best} == {1}
    assert third.within == (7.0 / 3.0, 7.0 / 1.5)
    marks = [view._mark(i, verdict) for i, verdict in enumerate((first, second, third))]
    assert [mark and mark.children for mark in marks] == ["may equal B", "best, not surely", None]
    told = view._factor(third, 0)
    assert told.children == "≈ 3.5× A"
    assert "2.33× to 4.67×" in told.title
    exact = verdicts("weight_bytes", [{"value": 4.0}, {"value": 1.0}], 0)[1]
    assert view._factor(exact, 0).children == "0.25× A"


def test_equal_ones_are_best_together():
    assert standings("weight_bytes", [{"value": 1.0}, {"value": 2.0}, {"value": 1.0}]) == [BEST, OTHER, BEST]


def test_a_missing_value_differs_and_nothing_is_best_alone():
    found = [None, {"value": 1.0}]
    assert differ(found)
    assert standings("latency_s", found) == [OTHER, OTHER]
    assert standings("latency_s", [*found, {"value": 2.0}]) == [OTHER, BEST, OTHER]
    assert math.isnan(verdicts("latency_s", found, 0)[1].factor)


@given(st.lists(values, min_size=1, max_size=6))
def test_one_is_best_alone_or_several_are_not_told_apart(found):
    told = standings("latency_s", found)
    assert not differ(found) or len(found) == 1 or (told.count(BEST) > 0) != (told.count(AMONG) > 1)
    best = min(range(len(found)), key=lambda i: found[i]["value"])
    for value, standing in zip(found, told, strict=True):
        assert not differ(found) or (standing != OTHER) == overlap(value, found[best])
