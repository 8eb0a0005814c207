"""A limit of loss is kept without being one of the program's, and refused by the bound of plans that lose more."""

import math
import time

import numpy as np
import pytest

from dse import allocate, folding_loss
from dse.plan import InfeasibleError, Plan
from dse.tables import read

LOSS = [[0.0, 1.0], [0.0, 2.0]]
LUT = [[8.0, 1.0], [6.0, 1.0]]


def tables(**limits):
    return read(LOSS, {"lut": LUT, "loss": LOSS}, limits, (), None)


@pytest.mark.parametrize(("lut", "most", "least"), [(14, 0.5, 0), (9, 1.5, 1), (9, 1, 1), (2, 3, 3)])
def test_a_plan_keeps_the_limit(lut, most, least):
    plan = folding_loss.least(tables(lut=lut, loss=most), None, math.inf)
    assert plan.proven
    assert plan.objective == least


@pytest.mark.parametrize(("lut", "most"), [(9, 0.9), (2, 2.9), (1, 9)])
def test_what_is_proven_to_conflict_is_named_as_by_one_program(lut, most):
    asked = tables(lut=lut, loss=most)
    with pytest.raises(InfeasibleError) as told:
        folding_loss.least(asked, None, math.inf)
    with pytest.raises(InfeasibleError) as other:
        allocate.solve(LOSS, {"lut": LUT, "loss": LOSS}, {"lut": lut, "loss": most})
    assert (str(told.value), told.value.least) == (str(other.value), other.value.least)


@pytest.fixture
def programs(monkeypatch):
    """The times given to programs, of which none proves its plan of loss 3 and bound 2, and their limits."""
    begun = []

    def best(asked, _, deadline):
        begun.append((deadline - time.monotonic(), dict(asked.limits)))
        return Plan(np.zeros(2, np.int64), 3.0, 2.0, "none", {})

    monkeypatch.setattr(allocate, "best", best)
    return begun


def test_a_limit_below_the_bound_is_refused_at_once_with_both_numbers(programs):
    with pytest.raises(InfeasibleError, match=r"loss is at least 3 in .* at least 2 in any \(budget 1\.5\)") as told:
        folding_loss.least(tables(lut=9, loss=1.5), None, time.monotonic() + 100)
    assert told.value.least == {"loss": 2.0}
    assert [limits for _, limits in programs] == [{"lut": 9}]


def test_a_limit_between_them_is_not_refused(programs):
    with pytest.raises(TimeoutError, match="the least found loses 3, and none loses less than 2;"):
        folding_loss.least(tables(lut=9, loss=2.5), None, time.monotonic() + 100)
    assert [pytest.approx(each, abs=0.3) for each, _ in programs] == [1, 4, 100]


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ([(2.5, 1.0), (3.0, 2.0), None], (2.5, 2.0)),
        ([None, (2.4, 1.0), (2.5, 1.5)], (2.4, 1.5)),
        ([(2.5, 2.0), (2.4, 1.0), (2.3, 1.0)], (2.3, 2.0)),
        ([(2.5, 1.0), (3.0, 2.5)], (2.5, 2.5)),
    ],
)
def test_of_the_plans_found_the_one_that_loses_least_is_kept_with_the_highest_bound(monkeypatch, found, kept):
    answers = iter(found)

    def best(*_):
        if (answer := next(answers)) is None:
            raise TimeoutError
        return Plan(np.zeros(2, np.int64), *answer, "none", {})

    monkeypatch.setattr(allocate, "best", best)
    plan = folding_loss.least(tables(lut=9, loss=2.6), None, time.monotonic() + 100)
    assert (plan.objective, plan.bound) == kept


def test_a_program_has_some_time_however_late_it_is(programs):
    folding_loss.least(tables(lut=9), None, time.monotonic() - 10)
    assert programs == [(pytest.approx(folding_loss.FIRST_S, abs=0.1), {"lut": 9})]
