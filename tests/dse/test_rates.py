"""The rate told of a plan, given as a budget, admits it: no rounding is lost on the way to seconds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.estimators.fpga import fold, overlay
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.metric import loss, throughput_per_s
from dse.rates import longest_s, rate_per_s

NET = Workload("net", tuple(linear(f"fc{i}", 7, 640 + 160 * i, 800 + 160 * i) for i in range(4)), batch=7)


@given(st.floats(1e-9, 1e9), st.integers(1, 1000))
def test_the_longest_is_the_longest(rate, batch):
    most = longest_s(rate, batch)
    assert rate_per_s(most, batch) >= rate > rate_per_s(np.nextafter(most, np.inf), batch)


@given(st.floats(1e-9, 1e9), st.integers(1, 1000))
def test_a_rate_admits_the_seconds_it_is_of(took_s, batch):
    assert longest_s(rate_per_s(took_s, batch), batch) >= took_s


@pytest.mark.parametrize("design", [fold, overlay.fit])
def test_the_rate_of_a_plan_admits_it(design):
    choices = replace(dse.choices(NET, ["int4/int8", "int8/int8"]), design=design)
    problem = choices.on(cm.fpga("zcu102"))
    for seed in range(12):
        choice = np.random.default_rng(seed).integers(0, 2, len(problem.layers))
        asked = throughput_per_s >= problem.totals(choice)["throughput_per_s"]
        found = dse.minimize(loss, over=problem, subject_to=[asked])
        assert found.objective <= problem.total_loss(choice) * (1 + 1e-12)
        assert problem.totals(found.choice)["throughput_per_s"] >= asked.limit


def test_the_rates_of_a_front_admit_its_points():
    problem = replace(dse.choices(NET, ["int4/int8", "int8/int8"]), design=overlay.fit).on(cm.fpga("zcu102"))
    front = dse.front(problem, [loss, throughput_per_s])
    assert len(front.points) > 3
    for least, rate in front.points.tolist():
        assert dse.minimize(loss, over=problem, subject_to=[throughput_per_s >= rate]).objective == pytest.approx(least)
        within = dse.front(problem, [loss, throughput_per_s], subject_to=[throughput_per_s >= rate])
        assert within.points[:, 0].min() == pytest.approx(least)
