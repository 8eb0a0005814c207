"""Refusals of designs that are as fast as asked: what they name is enough, and what they call alone is impossible."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.couplings import Couplings
from dse.folding import fastest, least, least_loss
from dse.folding_latency import within_latency
from dse.folding_memory import MOVED
from dse.folding_options import units
from dse.folding_refusals import beyond_device, in_cycles
from dse.folding_search import Search
from dse.metric import METRICS
from dse.plan import InfeasibleError

BOARD = cm.fpga("pynq_z1")
FORMATS = ("int2/int8", "int8/int8")
SPEEDS = ("throughput_per_s", "cycles", "latency_s")


def problem(widths, formats=FORMATS):
    layers = [linear(f"fc{i}", 3, a, b) for i, (a, b) in enumerate(pairwise(widths))]
    return dse.choices(Workload("small", tuple(layers)), list(formats)).on(BOARD)


def budget(name, limit):
    return METRICS[name] >= limit if METRICS[name].better == "higher" else METRICS[name] <= limit


def followed(asked, least):
    """The budgets with what a refusal names in place of their limits, where that is weaker."""
    limits = {b.metric.name: least.get(b.metric.name, b.limit) for b in asked}
    return [b if b.met(limits[b.metric.name]) else budget(b.metric.name, limits[b.metric.name]) for b in asked]


def as_told(message, name):
    """The number that a refusal names as the reach of a metric."""
    return float(re.search(rf"{name} (?:is|of) (?:at most |at least |then )?([0-9.e+-]*[0-9])", message)[1])


def refused(found, asked):
    """What a refusal names, nothing where a plan is found."""
    try:
        least_loss(found, subject_to=asked)
    except InfeasibleError as error:
        return error.least
    return {}


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([(4, 4), (2, 3, 2), (6, 4, 6)]),
    st.sets(st.sampled_from(SPEEDS), min_size=1),
    st.floats(0.3, 3),
    st.floats(0.9, 3),
)
def test_a_speed_that_a_refusal_names_is_reached_when_asked_for(widths, speeds, pace, room):
    found = problem(widths)
    smallest = fastest(found, subject_to=[METRICS["loss"] <= least(METRICS["loss"], found) * 10]).estimate().totals
    asked = [METRICS["lut"] <= smallest["lut"] * room / 2]
    for name in sorted(speeds):
        limit = smallest[name] * (1 / pace if METRICS[name].better == "higher" else pace)
        asked.append(budget(name, limit))
    named = refused(found, asked)
    if set(named) & {*SPEEDS}:
        asked = followed(asked, named)
    elif named:
        assert "lut" in refused(found, asked[:1])
        return
    plan = least_loss(found, subject_to=asked)
    assert all(each.met(plan.problem.totals(plan.choice)[each.metric.name]) for each in asked)


@pytest.mark.parametrize("speed", ["throughput_per_s", "latency_s"])
def test_what_is_possible_alone_is_not_called_impossible_alone(monkeypatch, speed):
    found = problem((2, 3, 2))
    quick = fastest(found, speed).estimate().totals
    asked, loss = budget(speed, quick[speed]), float(found.loss.min(axis=1).sum()) * (1 + 1e-9)
    tight = METRICS["lut"] <= fastest(found, speed, subject_to=[METRICS["loss"] <= 10]).estimate().totals["lut"] / 2
    assert not refused(found, [tight])
    coupled = Couplings.of(found, [("fc0", "fc1")])
    for answer in (Search.too_slow, lambda *_: None):  # the latter as where its time is up
        monkeypatch.setattr(Search, "too_slow", answer)
        with pytest.raises(InfeasibleError) as caught:
            least_loss(found, subject_to=[asked, METRICS["loss"] <= loss, tight], couplings=coupled)
        assert not caught.value.alone
        assert "no plan meets the budget:" not in str(caught.value)


COUPLED = {
    "none": {},
    "tied": {"ties": [("fc0", "fc1")]},
    "one format": {"max_formats": 1},
    "converted": {"conversion": 1e-3},
}


@pytest.mark.parametrize("coupled", COUPLED)
@pytest.mark.parametrize("late", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("share", [1.0, pytest.param(0.001, marks=pytest.mark.long)])
def test_a_speed_out_of_reach_is_told_as_that_speed(monkeypatch, share, speed, late, coupled):
    found = problem((4, 8, 4), ("int2/int8", "int8/int16"))
    found = replace(found, device=replace(BOARD, memory_bytes_per_s=share * BOARD.memory_bytes_per_s))
    loss = METRICS["loss"] <= float(found.loss.min(axis=1).sum()) * 1.001
    quick = fastest(found, "latency_s" if speed == "latency_s" else "throughput_per_s").estimate().totals[speed]
    asked = [loss, budget(speed, quick * (3.0 if speed == "throughput_per_s" else 1 / 3))]
    couplings = Couplings.of(found, **COUPLED[coupled])
    if late:
        monkeypatch.setattr(Search, "too_slow", lambda *_: None)
    with pytest.raises(InfeasibleError) as caught:
        least_loss(found, subject_to=asked, couplings=couplings)
    assert "bytes_moved" not in {*caught.value.least, *str(caught.value).split()}
    if late:
        assert speed in caught.value.least or speed == "latency_s"
        return
    told = as_told(str(caught.value), speed)
    assert speed != "cycles" or told == int(told) == caught.value.least[speed]
    for limit in (told, caught.value.least[speed]):
        plan = least_loss(found, subject_to=[loss, budget(speed, limit)], couplings=couplings)
        assert budget(speed, limit).met(plan.estimate().totals[speed])


@pytest.mark.parametrize(("most", "named"), [(64.0, {"lut"}), (63.0, {"lut", "throughput_per_s", "cycles"})])
def test_bytes_moved_are_told_as_a_speed_where_they_are_beyond_their_limit(most, named):
    error = InfeasibleError("no plan meets the budgets together: lut and bytes_moved conflict", {"lut": 5, MOVED: 64.0})
    told = in_cycles(problem((2, 2)), error, {MOVED: most})
    assert {*told.least} == named
    assert ("lut and the speed conflict" in str(told)) == (most == 64.0)
    assert ("cycles of" in str(told)) == (most == 63.0)


def test_other_budgets_that_no_plan_keeps_are_told_without_the_speed():
    found = problem((2, 3, 2))
    asked = [METRICS["lut"] <= 1, METRICS["cycles"] <= 4]
    with pytest.raises(InfeasibleError, match=r"^no plan of any speed meets the budget: lut is at least") as caught:
        least_loss(found, subject_to=asked)
    assert caught.value.alone
    assert not refused(found, [METRICS["lut"] <= caught.value.least["lut"]])


@pytest.mark.parametrize(("widths", "cycles"), [((2, 3, 2), 4), ((6, 4, 6), 6), ((6, 4, 6), 18)])
def test_beside_a_speed_what_other_budgets_need_with_it_is_told(widths, cycles):
    found = problem(widths)
    asked = [METRICS["lut"] <= 1, METRICS["cycles"] <= cycles]
    with pytest.raises(InfeasibleError, match=r"lut is at least (\d+) .*as fast as asked, lut is at least") as caught:
        least_loss(found, subject_to=asked)
    assert as_told(str(caught.value), "lut") < caught.value.least["lut"]
    assert not refused(found, followed(asked, caught.value.least))


@pytest.mark.parametrize("speed", [[], [METRICS["cycles"] <= 40]])
@pytest.mark.parametrize(("limit", "told"), [(100, "; pynq_z1 has 200 lut"), (1e5, "; pynq_z1 has no more lut")])
def test_more_than_the_device_has_is_told_beside_a_budget_of_it(limit, told, speed):
    found = problem((6, 4, 6))
    small = replace(found, device=replace(BOARD, lut=200.0))
    with pytest.raises(InfeasibleError) as caught:
        least_loss(small, subject_to=[METRICS["lut"] <= limit, *speed])
    assert told in str(caught.value)
    assert caught.value.least["lut"] > 200
    with pytest.raises(InfeasibleError) as caught:
        least_loss(small, subject_to=[METRICS["lut"] <= 100, *speed], utilisation=np.inf)
    assert "pynq_z1 has" not in str(caught.value)


def test_the_bound_within_a_latency_is_no_less_than_that_without():
    found = problem((6, 12, 8, 4, 6), ("int2", "int4", "int8"))
    small = replace(found, device=replace(BOARD, lut=6000.0, dsp=12.0))
    quick = fastest(small, "latency_s", time_limit_s=5).estimate().totals["latency_s"]
    free = least_loss(small, subject_to=[METRICS["latency_s"] <= 1e3 * quick])
    assert free.proven
    for share in (1.3, 3.0):
        plan = least_loss(small, subject_to=[METRICS["latency_s"] <= share * quick], time_limit_s=2)
        assert plan.bound >= free.objective * (1 - 1e-9)
        assert plan.estimate().totals["latency_s"] <= share * quick * (1 + 1e-9)
    rest = np.where(np.arange(len(small.options)) == 0, 0.0, np.inf)
    narrow = small.without(np.broadcast_to(np.isinf(rest), small.loss.shape))
    assert least_loss(narrow, subject_to=[METRICS["latency_s"] <= 1e3 * quick]).bound == pytest.approx(
        least(METRICS["loss"], narrow)
    )


@pytest.mark.parametrize(("loss_share", "energy_share"), [(0.05, 1.02), (0.1, 1.0), (0.2, 1.05)])
def test_each_number_that_foldings_made_for_formats_name_is_enough(loss_share, energy_share):
    layers = tuple(linear(f"fc{i}", 3, a, b) for i, (a, b) in enumerate(pairwise((12, 20, 8, 16))))
    over = dse.choices(Workload("small", layers), ["int2/int8", "int4/int8", "int8/int8"])
    found = over.on(BOARD)
    low, high = float(found.loss.min(axis=1).sum()), float(found.loss.max(axis=1).sum())
    energy = dse.minimize(METRICS["energy_j"], over=over, on=BOARD).objective * energy_share
    asked = [METRICS["loss"] <= low + loss_share * (high - low), METRICS["energy_j"] <= energy]
    with pytest.raises(InfeasibleError) as refused:
        dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=asked)
    assert not refused.value.alone
    beyond = {b.metric.name for b in asked if refused.value.least[b.metric.name] > b.limit}
    assert beyond == {"loss", "energy_j"}
    for name in beyond:
        weaker = [budget(name, refused.value.least[name]) if b.metric.name == name else b for b in asked]
        plan = dse.minimize(METRICS["loss"], over=over, on=BOARD, subject_to=weaker)
        assert plan.estimate().totals["energy_j"] <= weaker[1].limit * (1 + 1e-9)
        assert plan.objective <= weaker[0].limit * (1 + 1e-9)


def test_of_what_conflicts_is_said_what_the_device_has():
    usable, limits = {"lut": 100.0, "dsp": 10.0, "uram": 0.0}, {"lut": 100.0, "dsp": 5.0, "uram": 0.0}
    error = InfeasibleError(
        "lut, dsp and loss conflict: given the others, loss is at least 2 (budget 1)", {"loss": 2.0}
    )
    assert str(beyond_device(error, BOARD, usable, limits)) == f"{error}; pynq_z1 has no more lut"


def test_a_latency_out_of_reach_is_told_with_what_was_reached():
    found = problem((4, 8, 4))

    def late(*_):
        raise TimeoutError

    with pytest.raises(TimeoutError, match=r"none was found within the other budgets, and none is below 1\.99"):
        within_latency(found, late, 1e-6, 2e-7)
    plan, taken = Search(found, {}, units(found), np.inf, usable={}).least_interval()
    with pytest.raises(TimeoutError, match=r"at most 1e-09 was found in time: the least found is .* s, and none"):
        within_latency(found, lambda *_: (replace(plan, bound=0.0), taken), 1e-9, 2e-7)
