"""What the slowest layer decides of a dataflow's plans: as the whole network's estimate says, limited and traded."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.estimators.fpga import overlay
from costmodel.workload import Workload
from costmodel.workload.ops import conv, linear
from dse.metric import METRICS

NET = Workload(
    "net",
    (
        conv("a", 2, 3, 8, input_size=(16, 16), kernel=(3, 3), padding=(1, 1)),
        conv("b", 2, 8, 65536, input_size=(16, 16), kernel=(3, 3)),
        linear("f", 2, 65536 * 196, 10),
    ),
    batch=2,
)
FORMATS = ["int2/int16", "int8/int16", "int16/int16"]
BOARD = replace(cm.fpga("pynq_z1"), clock_hz=350e6)
"""So fast that the accumulators of wide formats lower the clock."""


def metrics(*names):
    return [METRICS[name] for name in names]


@pytest.fixture(scope="module")
def problem():
    return dse.choices(NET, FORMATS).on(BOARD)


@pytest.fixture(scope="module")
def every(problem):
    return {c: problem.estimate(c).totals | {"loss": problem.total_loss(c)} for c in product(range(3), repeat=3)}


def best_of(every, names):
    """The values of designs that no other beats."""
    sign = np.array([-1.0 if METRICS[n].better == "higher" else 1.0 for n in names])
    rows = np.unique([[float(f"{totals[n]:.13g}") for n in names] for totals in every.values()], axis=0)
    worse = [((rows * sign <= row * sign).all(axis=1) & (rows != row).any(axis=1)).any() for row in rows]
    return rows[~np.array(worse)]


def test_what_is_told_of_plans_is_what_the_estimate_says(problem, every):
    assert len({totals["clock_hz"] for totals in every.values()}) > 1
    told = problem.pipeline.values(np.array(list(every)))
    rates = told.pop("throughput_per_s")
    assert 1 / rates == pytest.approx([totals["throughput_per_s"] for totals in every.values()], rel=1e-12)
    for name, values in told.items():
        assert values == pytest.approx([totals[name] for totals in every.values()], rel=1e-12)


@pytest.mark.parametrize(
    "names", [("loss", "throughput_per_s"), ("throughput_per_s", "lut", "loss"), ("loss", "latency_s", "ff")]
)
def test_a_front_of_them_is_that_of_all_plans(problem, every, names):
    found = dse.front(problem, metrics(*names))
    expected = best_of(every, names)
    assert len(found.points) == len(expected)
    order = np.lexsort(found.points.T), np.lexsort(expected.T)
    assert found.points[order[0]] == pytest.approx(expected[order[1]], rel=1e-9)
    for point, choice in zip(found.points, found.choices, strict=True):
        totals = every[tuple(choice.tolist())]
        assert point == pytest.approx([totals[n] for n in names], rel=1e-9)
    streamed = sorted(point.values for point in dse.fronts.stream(problem, metrics(*names)))
    assert streamed == sorted(map(tuple, found.points.tolist()))


def test_power_is_traded_at_the_one_rate_of_a_folding():
    problem = dse.choices(NET, ["int4", "int8"]).on(cm.fpga("pynq_z1"))
    found = dse.front(problem, metrics("loss", "power_w"))
    assert len(found.points) > 1
    assert found.proven
    for (_, watts), choice in zip(found.points, found.choices, strict=True):
        assert watts == pytest.approx(problem.estimate(choice).totals["power_w"])


def test_an_overlay_s_rate_is_the_batch_over_its_latency():
    problem = replace(dse.choices(NET, ["int4", "int8"]), design=overlay.fit).on(cm.fpga("zcu104"))
    found = dse.front(problem, metrics("loss", "throughput_per_s"))
    for (_, rate), choice in zip(found.points, found.choices, strict=True):
        assert rate == pytest.approx(problem.estimate(choice).totals["throughput_per_s"])
    budget = [METRICS["throughput_per_s"] >= found.points[:, 1].max() * 0.9999]
    assert dse.minimize(METRICS["loss"], over=problem, subject_to=budget).proven
    with pytest.raises(ValueError, match="ask for one of them"):
        dse.front(problem, metrics("latency_s", "throughput_per_s"))


def test_the_fastest_plan_of_a_folding_and_budgets_of_it(problem, every):
    least = min(totals["latency_s"] for totals in every.values())
    plan = dse.minimize(METRICS["latency_s"], over=problem)
    assert plan.objective == pytest.approx(least, rel=1e-9)
    assert plan.proven
    within = dse.minimize(METRICS["loss"], over=problem, subject_to=[METRICS["latency_s"] <= least * 1.001])
    assert within.estimate().totals["latency_s"] <= least * 1.001
    with pytest.raises(dse.InfeasibleError, match="allows latency_s of at least"):
        dse.minimize(METRICS["loss"], over=problem, subject_to=[METRICS["latency_s"] <= least / 2])
