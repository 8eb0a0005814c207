"""A time limit ends a search: on a clock that moves with each program solved, no program is begun after it."""

import time
from dataclasses import replace
from itertools import pairwise

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
