"""Refusals of designs that are as fast as asked: what they name is enough, and what they call alone is impossible."""

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


def refused(found, asked):
    """What a refusal names, nothing where a plan is found."""
    try:
        least_loss(found, subject_to=asked)
    except InfeasibleError as error:
        return error.least
    return {}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([(4, 4), (2, 3, 2), (6, 4, 6)]),
    st.sets(st.sampled_from(SPEEDS), min_size=1),
    st.floats(0.3, 3),
    st.floats(0.9, 3),
)
def test_a_speed_that_a_refusal_names_is_reached_when_asked_for(widths, speeds, pace, room):
    found = problem(widths)
    smallest = fastest(found, subject_to=[METRICS["loss"] <= least(found) * 10]).estimate().totals
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
def test_what_is_possible_alone_is_not_called_impossible_alone(speed):
    found = problem((2, 3, 2))
    quick = fastest(found, speed).estimate().totals
    asked, loss = budget(speed, quick[speed]), float(found.loss.min(axis=1).sum()) * (1 + 1e-9)
    tight = METRICS["lut"] <= fastest(found, speed, subject_to=[METRICS["loss"] <= 10]).estimate().totals["lut"] / 3
    coupled = Couplings.of(found, [("fc0", "fc1")])
    with pytest.raises(InfeasibleError) as refused:
        least_loss(found, subject_to=[asked, METRICS["loss"] <= loss, tight], couplings=coupled)
    assert not refused.value.alone
    assert "no plan meets the budget:" not in str(refused.value)


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
    assert least_loss(narrow, subject_to=[METRICS["latency_s"] <= 1e3 * quick]).bound == pytest.approx(least(narrow))


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
