"""Plans and fronts of a folding whose rate the memory bounds: every mixed plan has the rate that it is estimated at."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.estimators.fpga import Folding, fold
from costmodel.workload import Workload
from costmodel.workload.ops import conv, linear
from dse import paces
from dse.choice_columns import columns
from dse.metric import METRICS

FORMATS = ("int2/int8", "int4/int16", "int8/int4")
SPARSE = ("int8/int8", "int8/int8@2:4", "int2/int16")
WIDE = ("int2/int16", "int8/int4", "int16/int16")
SPEEDS = ("throughput_per_s", "latency_s", "cycles")
NETS = {
    "convs": Workload(
        "convs",
        (
            conv("a", 1, 8, 8, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
            conv("b", 1, 8, 8, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
            conv("c", 1, 8, 16, input_size=(8, 8), kernel=(1, 1)),
        ),
    ),
    "long": Workload("long", (linear("a", 1, 64, 64), linear("b", 1, 2**24, 8), linear("c", 1, 64, 64)), batch=1),
    "batch": Workload("batch", tuple(linear(f"f{i}", 8, 64, 64) for i in range(3)), batch=4),
}


def narrow(share, **more):
    """A board whose memory brings that share of what a PYNQ-Z1's does."""
    board = cm.fpga("pynq_z1")
    return replace(board, memory_bytes_per_s=share * board.memory_bytes_per_s, **more)


def streamed(workload, *_):
    """All weights from memory, of which several layers wait for theirs."""
    ones = np.ones(len(workload.ops))
    return Folding(8 * ones, 8 * ones, streamed=ones)


CASES = {
    "on the chip": ("convs", FORMATS, narrow(0.05), fold),
    "a batch": ("batch", FORMATS, narrow(0.05), fold),
    "streamed": ("convs", FORMATS, narrow(0.3), streamed),
    "streamed batch": ("batch", FORMATS, narrow(0.5), streamed),
    "sparse": ("batch", SPARSE, narrow(0.5), streamed),
    "clocks that differ": ("long", WIDE, narrow(0.2, clock_hz=350e6), streamed),
}


def laid(name):
    net, formats, board, design = CASES[name]
    return replace(dse.choices(NETS[net], formats), design=design).on(board)


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request):
    problem = laid(request.param)
    layers, options = problem.loss.shape
    every = {
        c: problem.estimate(c).totals | {"loss": problem.total_loss(c)} for c in product(range(options), repeat=layers)
    }
    return problem, every


def key(name):
    """The metric as one that is better lower."""
    return -1.0 if METRICS[name].better == "higher" else 1.0


def test_the_memory_paces_these(case):
    problem, every = case
    assert len({totals["throughput_per_s"] for totals in every.values()}) > 2
    choices = np.array(list(every))
    for name, values in columns(problem, choices, SPEEDS).items():
        assert values == pytest.approx([totals[name] for totals in every.values()], rel=1e-12)


@pytest.mark.parametrize("name", SPEEDS)
def test_a_plan_within_a_budget_of_speed_is_the_best_of_all(case, name):
    problem, every = case
    values = sorted({totals[name] for totals in every.values()})
    for limit in (*values[:: max(1, len(values) // 8)], values[-1], sum(values) / len(values)):
        budget = METRICS[name] >= limit * (1 - 1e-9) if key(name) < 0 else METRICS[name] <= limit * (1 + 1e-9)
        least = min(t["loss"] for t in every.values() if budget.met(t[name]))
        plan = dse.minimize(METRICS["loss"], over=problem, subject_to=[budget])
        assert plan.objective == pytest.approx(least, rel=1e-9)
        assert plan.proven
        assert budget.met(every[tuple(plan.choice.tolist())][name])


@pytest.mark.parametrize("name", SPEEDS)
def test_the_fastest_plan_is_that_of_all(case, name):
    problem, every = case
    within = METRICS["weight_bytes"] <= np.median([t["weight_bytes"] for t in every.values()])
    met = [t for t in every.values() if within.met(t["weight_bytes"])]
    best = min((key(name) * t[name], t["loss"]) for t in met)
    best = min(t["loss"] for t in met if t[name] == pytest.approx(key(name) * best[0], rel=1e-9)), key(name) * best[0]
    plan = dse.minimize(METRICS[name], over=problem, subject_to=[within])
    assert plan.proven
    assert plan.objective == pytest.approx(1 / best[1] if key(name) < 0 else best[1], rel=1e-9)
    assert problem.total_loss(plan.choice) == pytest.approx(best[0], rel=1e-9)


@pytest.mark.parametrize(
    "names", [("loss", "throughput_per_s"), ("latency_s", "loss"), ("loss", "latency_s", "weight_bytes")]
)
def test_a_front_is_that_of_all_plans(case, names):
    problem, every = case
    sign = np.array([key(name) for name in names])
    rows = np.unique([[float(f"{totals[n]:.11g}") for n in names] for totals in every.values()], axis=0)
    expected = rows[dse.pareto.mask(rows * sign)]
    front = dse.front(problem, [METRICS[name] for name in names])
    assert front.proven
    found = front.points[np.lexsort(front.points.T)]
    assert found == pytest.approx(expected[np.lexsort(expected.T)], rel=1e-9)
    for point, choice in zip(front.points, front.choices, strict=True):
        assert point == pytest.approx([every[tuple(choice.tolist())][n] for n in names], rel=1e-9)
    streamed = [point.values for point in dse.fronts.stream(problem, [METRICS[name] for name in names])]
    assert streamed == sorted(map(tuple, front.points.tolist()), key=lambda each: tuple(np.array(each) * sign))


def test_a_front_within_a_budget_of_speed_is_that_of_the_plans_within_it(case):
    problem, every = case
    budget = METRICS["latency_s"] <= float(np.median([t["latency_s"] for t in every.values()])) * (1 + 1e-9)
    rows = np.unique(
        [[float(f"{t[n]:.11g}") for n in ("loss", "lut")] for t in every.values() if budget.met(t["latency_s"])], axis=0
    )
    front = dse.front(problem, [METRICS["loss"], METRICS["lut"]], subject_to=[budget])
    expected = rows[dse.pareto.mask(rows)]
    if front.proven:
        assert front.points[np.lexsort(front.points.T)] == pytest.approx(expected[np.lexsort(expected.T)], rel=1e-9)
    assert all((expected <= point * (1 + 1e-9)).all(axis=1).any() for point in front.points)


@pytest.mark.parametrize("name", ["throughput_per_s", "latency_s"])
@pytest.mark.parametrize("over", ["streamed", "streamed batch"])
def test_of_more_waits_than_are_told_apart_nothing_false_is_claimed(monkeypatch, over, name):
    monkeypatch.setattr(paces, "MOST", 2)
    problem = laid(over)
    every = {c: problem.estimate(c).totals | {"loss": problem.total_loss(c)} for c in product(range(3), repeat=3)}
    values = sorted({totals[name] for totals in every.values()})
    for limit in values[:: max(1, len(values) // 6)]:
        budget = METRICS[name] >= limit * (1 - 1e-9) if key(name) < 0 else METRICS[name] <= limit * (1 + 1e-9)
        least = min(t["loss"] for t in every.values() if budget.met(t[name]))
        plan = dse.minimize(METRICS["loss"], over=problem, subject_to=[budget])
        assert plan.bound <= least * (1 + 1e-9) <= plan.objective * (1 + 2e-9)
        assert budget.met(every[tuple(plan.choice.tolist())][name])
    plan, best = dse.minimize(METRICS[name], over=problem), min(key(name) * t[name] for t in every.values())
    best = -1 / best if key(name) < 0 else best
    assert plan.bound * (1 - 1e-9) <= best <= plan.objective * (1 + 1e-9)
    front = dse.front(problem, [METRICS["loss"], METRICS["latency_s"]])
    assert not front.proven
    for point, choice in zip(front.points, front.choices, strict=True):
        totals = every[tuple(choice.tolist())]
        assert point == pytest.approx([totals["loss"], totals["latency_s"]], rel=1e-9)


def test_what_conflicts_with_a_speed_is_told_as_that_speed():
    problem = laid("on the chip")
    least = problem.loss.min(axis=1).sum()
    best = problem.estimate(problem.loss.argmin(axis=1)).totals["throughput_per_s"]
    budgets = [METRICS["loss"] <= least * 1.001, METRICS["throughput_per_s"] >= 1.01 * best]
    with pytest.raises(dse.InfeasibleError, match="given the others, throughput_per_s is at most") as told:
        dse.minimize(METRICS["weight_bytes"], over=problem, subject_to=budgets)
    reached = told.value.least["throughput_per_s"]
    asked = [budgets[0], METRICS["throughput_per_s"] >= reached]
    assert dse.minimize(METRICS["weight_bytes"], over=problem, subject_to=asked).proven
    with pytest.raises(dse.InfeasibleError, match="with this folding the memory allows throughput_per_s of at most"):
        dse.minimize(METRICS["loss"], over=laid("streamed"), subject_to=[METRICS["throughput_per_s"] >= 1e9])


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("name", ["on the chip", "a batch", "streamed", "streamed batch"])
def test_the_speed_that_a_refusal_writes_is_reached_when_asked_for(name, speed):
    problem, metric = laid(name), METRICS[speed]
    loss = METRICS["loss"] <= problem.loss.min(axis=1).sum() * 1.001
    best = problem.estimate(problem.loss.argmin(axis=1)).totals[speed]
    for asked in (best * 1.5, best * 1e6):
        with pytest.raises(dse.InfeasibleError) as told:
            within(problem, loss, metric >= asked if key(speed) < 0 else metric <= best * best / asked)
        written = float(re.search(rf"{speed} (?:is|of) at (?:most|least) ([0-9.e+-]*[0-9])", str(told.value))[1])
        reach = METRICS["loss"] <= 1e9 if "with this folding" in str(told.value) else loss
        for limit in (written, told.value.least[speed]):
            within(problem, reach, metric >= limit if key(speed) < 0 else metric <= limit)


def within(problem, *budgets):
    return dse.minimize(METRICS["weight_bytes"], over=problem, subject_to=budgets)
