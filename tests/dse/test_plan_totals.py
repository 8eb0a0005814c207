"""What a plan's totals say is all that its network costs, whatever was asked of it."""

import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.op import Window
from costmodel.workload.ops import conv, elementwise, linear, pooling
from dse.folding import fastest
from dse.metric import METRICS, parse_budget

ODD = Workload(
    "odd",
    (
        conv("a", 1, 3, 7, input_size=(5, 7), kernel=(3, 3), padding=(1, 1), bias=True),
        conv("b", 1, 7, 7, input_size=(5, 7), kernel=(3, 3), padding=(1, 1), groups=7, inputs=("a",)),
        conv("c", 1, 7, 7, input_size=(5, 7), kernel=(1, 1), inputs=("b",)),
        elementwise("s", 7 * 35, inputs=("a", "c")),
        pooling("p", 7 * 35, 7 * 6, window=Window(2, 2, 2, 2, 5, 7), inputs=("s",)),
        linear("f", 1, 7 * 6, 5, inputs=("p",)),
    ),
)
"""Outputs that several read, a sum and a depthwise layer: what a layer takes depends on formats beside it."""


def told_in_full(plan):
    """Whether totals are those of the estimate, but for the rounding of sums, and the summed loss."""
    expected = {**plan.estimate().totals, "loss": plan.problem.total_loss(plan.choice)}
    assert plan.totals == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.fixture(scope="module")
def on_fpga():
    return dse.choices(ODD, ["int2", "int4", "int8", "fp6_e3m2"])


@pytest.mark.parametrize(
    "budgets",
    [
        "",
        "weight_bytes<=500",
        "weight_bytes<=500 dsp<=100",
        "lut<=15e3",
        "energy_j<=2e-7",
        "peak_activation_bytes<=400",
        "throughput_per_s>=3e5",
        "throughput_per_s>=3e5 weight_bytes<=700",
        "latency_s<=20us",
    ],
)
def test_totals_are_those_of_the_design_on_an_fpga(on_fpga, budgets):
    asked = [parse_budget(text) for text in budgets.split()]
    plan = dse.minimize(METRICS["loss"], over=on_fpga, on=cm.fpga("pynq_z1"), subject_to=asked)
    told_in_full(plan)
    assert all(budget.met(plan.totals[budget.metric.name]) for budget in asked)


@pytest.mark.parametrize("metric", ["lut", "energy_j", "throughput_per_s", "latency_s"])
def test_totals_are_those_of_the_design_whatever_is_minimised(on_fpga, metric):
    problem = on_fpga.on(cm.fpga("pynq_z1"))
    told_in_full(dse.minimize(METRICS[metric], over=problem, subject_to=[METRICS["weight_bytes"] <= 700]))


def test_totals_are_those_of_the_design_of_most_throughput(on_fpga):
    plan = fastest(on_fpga.on(cm.fpga("pynq_z1")), subject_to=[METRICS["weight_bytes"] <= 700])
    told_in_full(plan)


@pytest.mark.parametrize("budgets", ["", "weight_bytes<=700 latency_s<=1s", "footprint_bytes<=2e3"])
def test_totals_are_those_of_the_network_on_a_gpu(budgets):
    found = dse.choices(ODD, ["int4", "int8", "bf16"])
    asked = [parse_budget(text) for text in budgets.split()]
    told_in_full(dse.minimize(METRICS["loss"], over=found, on=cm.gpu("h100_sxm"), subject_to=asked))
