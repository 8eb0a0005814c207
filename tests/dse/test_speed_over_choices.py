"""The highest throughput and the least latency over choices: the same search as `dse.fastest`, against every design."""

from dataclasses import replace
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.folding_tables import candidates
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.metric import METRICS

BOARD = cm.fpga("pynq_z1")
SPEEDS = ("throughput_per_s", "latency_s")
loss, lut = METRICS["loss"], METRICS["lut"]


def offered(widths, formats, tokens=3):
    layers = [linear(f"l{i}", tokens, a, b) for i, (a, b) in enumerate(pairwise(widths))]
    return dse.choices(Workload("small", tuple(layers)), formats)


@cache
def designs():
    """Choices of two layers, and of every design of formats and folding the choice, seconds, loss and LUTs."""
    over = offered((2, 2, 1), ("int2", "int8"))
    problem, found = over.on(BOARD), []
    axes = [[(pe, simd, dsp) for pe, simd in candidates(op) for dsp in (0.0, 1.0)] for op in problem.workload.ops]
    for choice in product(range(2), repeat=2):
        for rows in product(*axes):
            totals = replace(problem, folding=Folding(*np.array(rows).T, uram=np.zeros(2))).estimate(choice).totals
            spent = 1 / totals["throughput_per_s"], totals["latency_s"], problem.total_loss(choice), totals["lut"]
            found.append((*choice, *spent))
    return over, np.array(found)


def seconds(plan, name):
    return 1 / plan.totals[name] if name == "throughput_per_s" else plan.totals[name]


@pytest.mark.parametrize("name", SPEEDS)
@pytest.mark.parametrize("rules", [{}, {"ties": [["l0", "l1"]]}, {"max_formats": 1}, {"pins": {"l0": "int8"}}])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_design_is_faster(name, rules, share):
    over, every = designs()
    alike = every[:, 0] == (1 if "pins" in rules else every[:, 1])
    allowed = alike if rules else np.full(len(every), True)
    most, room = (float(np.quantile(every[allowed, column], share)) for column in (4, 5))
    within = every[allowed & (every[:, 4] <= most) & (every[:, 5] <= room)]
    asked = {"over": over, "on": BOARD, "subject_to": [loss <= most, lut <= room], **rules}
    if not len(within):
        with pytest.raises(dse.InfeasibleError, match="no plan meets"):
            dse.minimize(METRICS[name], **asked)
        return
    plan = dse.minimize(METRICS[name], **asked)
    assert plan.proven
    assert plan.proven_within == ""
    assert plan.totals["lut"] <= room
    assert plan.totals["loss"] <= most * (1 + 1e-9)
    assert plan.objective == pytest.approx(within[:, 2 + SPEEDS.index(name)].min())
    assert seconds(plan, name) == pytest.approx(plan.objective)


@pytest.mark.parametrize(
    ("name", "widths", "budgets"),
    [
        ("throughput_per_s", (3, 3, 2), [lut <= 1537, loss <= 0.0514]),
        ("latency_s", (4, 4, 2), [lut <= 1387.5, loss <= 0.05134]),
    ],
)
def test_budgets_that_no_folding_made_for_a_format_meets_as_well(name, widths, budgets):
    over = offered(widths, ("int4", "e3m2"))
    plan, same = (
        dse.minimize(METRICS[name], over=over, on=BOARD, subject_to=budgets),
        dse.fastest(over.on(BOARD), name, subject_to=budgets),
    )
    assert plan.objective == pytest.approx(same.objective)
    assert all(budget.met(plan.totals[budget.metric.name]) for budget in budgets)


def test_a_rate_is_told_in_seconds_an_image():
    over = dse.choices(replace(offered((4, 4), ("int4", "int8")).workload, batch=8), ["int4", "int8"])
    plan = dse.minimize(METRICS["throughput_per_s"], over=over, on=BOARD)
    assert plan.objective == pytest.approx(1 / plan.totals["throughput_per_s"])
    assert plan.bound <= plan.objective


def test_what_the_search_does_not_know_is_sought_among_foldings_with_its_bound():
    over, every = designs()
    energy = METRICS["energy_j"] <= 1.0
    plan = dse.minimize(METRICS["throughput_per_s"], over=over, on=BOARD, subject_to=[energy])
    assert plan.bound <= every[:, 2].min() * (1 + 1e-9)
    assert plan.objective >= every[:, 2].min() * (1 - 1e-9)
    converted = dse.minimize(METRICS["latency_s"], over=over, on=BOARD, conversion=1e-9)
    assert converted.proven_within == "foldings made for each format"
