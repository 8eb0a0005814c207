"""Ranges hold every plan that can be solved for, whatever the other budgets."""

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import conv, linear, pooling
from dse import ranges
from dse.metric import bram18, dsp, energy_j, latency_s, loss, lut, throughput_per_s, uram

NET = Workload(
    "net",
    (
        conv("conv", 1, 8, 32, input_size=(18, 18), kernel=(3, 3)),
        pooling("pool", 32 * 256, 32),
        linear("up", 1, 32, 256),
        linear("fc", 1, 256, 64),
    ),
)
BOARD = cm.fpga("zcu104")
CHOICES = dse.choices(NET, ["int2", "int4", "int8"])
SPANS = ranges.of_choices(CHOICES, BOARD)
BUDGETS = [
    [],
    [lut <= 4e3],
    [lut <= 8e3, dsp <= 4],
    [bram18 <= 4],
    [throughput_per_s >= 100],
    [throughput_per_s >= 100e3],
    [latency_s <= 50e-6],
    [energy_j <= SPANS["energy_j"][0] * 3],
    [uram <= 0, lut <= 20e3],
]


@pytest.mark.parametrize("budgets", BUDGETS, ids=lambda given: ",".join(map(str, given)) or "none")
def test_every_plan_is_within_the_ranges(budgets):
    found = dse.minimize(loss, over=CHOICES, on=BOARD, subject_to=budgets, time_limit_s=5).estimate().totals
    within = {n: (low * (1 - 1e-9) <= found[n] <= high * (1 + 1e-9)) for n, (low, high) in SPANS.items() if n in found}
    assert all(within.values()), {name: (found[name], SPANS[name]) for name, held in within.items() if not held}
    assert {"lut", "dsp", "bram18", "uram", "energy_j", "latency_s", "throughput_per_s"} <= set(within)


@pytest.mark.parametrize("option", ["int2", "int4", "int8"])
def test_uniform_designs_in_their_own_foldings_are_within(option):
    totals = cm.estimate(NET, f"{option}/{option}", BOARD).totals
    assert all(low * (1 - 1e-9) <= totals[n] <= high * (1 + 1e-9) for n, (low, high) in SPANS.items() if n in totals)


def test_off_an_fpga_they_are_sums_within_the_ties():
    problem = CHOICES.on(cm.gpu("h100_sxm"))
    free = ranges.of_choices(CHOICES, problem.device)
    tied = ranges.of_problem(problem, [problem.layers])
    table = problem.costs["latency_s"]
    assert free["latency_s"] == pytest.approx((table.min(1).sum(), table.max(1).sum()))
    assert tied["latency_s"] == pytest.approx((table.sum(0).min(), table.sum(0).max()))
    apart = problem.without(np.eye(3, dtype=bool))
    assert ranges.of_problem(apart)["weight_bytes"][0] > free["weight_bytes"][0]
    with pytest.raises(ValueError, match="tied layers share no format that h100_sxm runs: conv, up, fc"):
        ranges.of_problem(apart, [problem.layers])
