"""A time limit ends a search: on a clock that moves with each program solved, no program is begun after it."""

import math
import signal
import time
from dataclasses import replace
from itertools import pairwise

import instances
import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse import allocate, infeasible
from dse.folding import fastest, least_loss
from dse.metric import METRICS
from dse.plan import InfeasibleError
from dse.solvers.part import Part

BOARD = cm.fpga("pynq_z1")
LIMIT_S = 3.0


@pytest.fixture
def programs(monkeypatch):
    """The time at which each integer program is begun, by a clock that each moves on by a second."""
    now, begun = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def counted(solve):
        def solved(*given):
            begun.append(now[0] - 100)
            found = solve(*given)
            now[0] += 1.0
            return found

        return solved

    for module in (allocate, infeasible):
        monkeypatch.setattr(module, "dispatch", counted(module.dispatch))
    return begun


def layers(*widths):
    return Workload("small", tuple(linear(f"fc{i}", 16, a, b) for i, (a, b) in enumerate(pairwise(widths))))


def problem():
    return dse.choices(layers(16, 24, 16, 12, 8), ["int2", "int4", "int8"]).on(BOARD)


@pytest.mark.parametrize("objective", ["throughput_per_s", "latency_s"])
def test_the_fastest_design_is_sought_no_longer_than_asked(objective, programs):
    found = problem()
    within = [METRICS["lut"] <= 9e3]
    hurried = fastest(found, objective, subject_to=within, time_limit_s=LIMIT_S)
    assert len(programs) == LIMIT_S + 1  # the one begun as the time is up
    assert not hurried.proven
    assert hurried.bound <= fastest(found, objective, subject_to=within).objective <= hurried.objective
    assert len(programs) > 2 * LIMIT_S


def test_the_least_loss_within_a_latency_is_sought_no_longer_than_asked(programs):
    found, lut = problem(), METRICS["lut"] <= 9e3
    reached = fastest(found, "latency_s", subject_to=[lut]).objective
    asked = [lut, METRICS["latency_s"] <= 1.2 * reached]
    programs.clear()
    whole = least_loss(found, subject_to=asked)
    assert len(programs) > 2
    programs.clear()
    hurried = least_loss(found, subject_to=asked, time_limit_s=2.0)
    assert len(programs) == 3
    assert hurried.bound <= whole.objective


def test_what_conflicts_is_sought_no_longer_than_asked(programs):
    asked = [METRICS["loss"] <= 0.06, METRICS["lut"] <= 1.5e3, METRICS["bram18"] <= 6, METRICS["dsp"] <= 9]
    with pytest.raises(InfeasibleError, match="no plan meets") as hurried:
        fastest(problem(), subject_to=asked, time_limit_s=LIMIT_S)
    assert len(programs) <= LIMIT_S + 1 + infeasible.LAST_S
    programs.clear()
    with pytest.raises(InfeasibleError, match="no plan meets") as told:
        fastest(problem(), subject_to=asked)
    assert len(programs) > LIMIT_S + 1
    assert hurried.value.least.keys() == told.value.least.keys()
    assert all(value <= told.value.least[name] for name, value in hurried.value.least.items())


def test_a_dataflow_laid_out_as_given_is_sought_no_longer_than_asked(programs):
    found = problem()
    clock = found.pipeline.clock_hz.min() / (1.0 + np.arange(3) + 0.1 * np.arange(len(found.loss))[:, None])
    allowed = 0.5 * found.loss.max(axis=1).sum()
    paced = replace(found, pipeline=replace(found.pipeline, clock_hz=clock))
    asked = {"over": paced, "subject_to": [METRICS["loss"] <= allowed]}
    whole = dse.minimize(METRICS["throughput_per_s"], **asked)
    sought = len(programs)
    programs.clear()
    hurried = dse.minimize(METRICS["throughput_per_s"], **asked, time_limit_s=1.0)
    assert len(programs) <= 3 < sought
    assert hurried.bound <= whole.objective <= hurried.objective


def kept(asked, plan):
    """Whether a plan keeps its budgets, its ties and the number of formats."""
    layers = np.arange(len(plan.choice))
    spent = {name: cost[layers, plan.choice].sum() for name, cost in asked["costs"].items()}
    return (
        all(spent[name] <= limit for name, limit in asked["budgets"].items())
        and all(len(set(plan.choice[tie])) == 1 for tie in asked["ties"])
        and len(set(plan.choice)) <= asked["max_formats"]
    )


def counted_parts(monkeypatch, at=math.inf):
    """Count the parts that coupled searches look at; at that number, from 1 on, Ctrl-C comes."""
    looked, of = [], Part.of

    def counted(*given):
        looked.append(given)
        if len(looked) == at:
            signal.raise_signal(signal.SIGINT)
        return of(*given)

    monkeypatch.setattr(Part, "of", counted)
    return looked


def test_past_its_time_a_search_among_sets_of_formats_gives_a_plan_and_looks_at_none(monkeypatch):
    asked, looked = instances.converted(0, 80, 10), counted_parts(monkeypatch)
    plan = allocate.solve(**asked, time_limit_s=1e-9)
    assert len(looked) <= 3 < math.comb(10, 3)
    assert kept(asked, plan)
    assert 0 < plan.bound < plan.objective
    whole = allocate.solve(**asked)
    assert whole.proven
    assert plan.bound <= whole.objective <= plan.objective


@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_interrupted_search_among_sets_of_formats_gives_its_plan_at_once(monkeypatch, at):
    asked, looked = instances.converted(1, 60, 8), counted_parts(monkeypatch, at)
    plan = allocate.solve(**asked)
    assert len(looked) <= max(at + 1, 3)
    assert plan.interrupted
    assert kept(asked, plan)
    assert plan.bound <= plan.objective


def test_conversions_among_sets_of_formats_keep_their_time():
    asked, before = instances.converted(0, 300, 10), time.process_time()
    assert kept(asked, allocate.solve(**asked, time_limit_s=0.2))
    assert time.process_time() - before < 1.0


def test_a_large_problem_whose_best_options_break_budgets_by_far_has_a_plan_in_time():
    random = np.random.default_rng(1)
    costs = {name: random.uniform(1, 1000, (3000, 10)) for name in "abc"}
    loss = 1000 - costs["a"]
    limits = {n: float(c.min(axis=1).sum() + 0.35 * (c.max(axis=1) - c.min(axis=1)).sum()) for n, c in costs.items()}
    started = time.monotonic()
    plan = allocate.solve(loss, costs, limits, time_limit_s=1)
    assert time.monotonic() - started < 10  # on a machine of which this has a tenth
    assert all(c[np.arange(len(c)), plan.choice].sum() <= limits[n] * (1 + 1e-12) for n, c in costs.items())
    assert plan.gap < 1e-4
