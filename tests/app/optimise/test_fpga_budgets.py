"""Budgets of an FPGA on the page Optimise: their ranges hold what Solve answers, and speed is among them."""

import pytest

import costmodel as cm
from app.optimise import answers, controls, question, solution

GIVEN = {"model": "zoo:resnet18", "device": "u250", "formats": "int4/int4,int8/int8,int2/int2"}


def asked(*budgets):
    return question.read(GIVEN | {"budgets": ",".join(budgets)}, {})


def test_ranges_hold_designs_in_the_foldings_of_their_own_formats():
    found = asked()
    for precision in found.formats:
        totals = cm.estimate(found.workload, precision, found.problem.device).totals
        for metric in question.offered(found.problem):
            hard, easy = question.span(found, metric)
            taken = min(totals[metric], getattr(found.problem.device, metric, totals[metric]))
            assert min(hard, easy) * (1 - 1e-9) <= taken <= max(hard, easy) * (1 + 1e-9), metric


@pytest.mark.parametrize(("model", "device"), [("zoo:resnet18", "u250"), ("zoo:resnet50", "zcu102")])
def test_no_slider_reaches_beyond_the_device_that_a_plan_fits(model, device):
    found = question.read(GIVEN | {"model": model, "device": device, "formats": "int4/int4,int8/int8"}, {})
    assert question._of_choices(found)["bram18"][1] > found.problem.device.bram18, "some folding takes more"
    for metric in ("lut", "dsp", "bram18", "uram"):
        assert question.span(found, metric)[1] == getattr(found.problem.device, metric), metric


def test_a_throughput_is_asked_for_and_met():
    found = question.read(GIVEN | {"formats": "int4/int4", "budgets": "throughput_per_s>=1000"}, {})
    assert question.read(found.linked({}), {}) == found
    assert found.command()[-4:-2] == ["--budget", "throughput_per_s>=1000"]
    assert solution.solve(found, lambda *_: None)["totals"]["throughput_per_s"] >= 1000
    assert "latency_s" in question.offered(found.problem)
    assert answers._limits(["2 k/s"], [{"metric": "throughput_per_s"}], None) == ["throughput_per_s>=2000.0"]


def test_what_a_device_has_none_of_has_no_slider():
    found = question.read({"model": "zoo:resnet18", "device": "pynq_z1", "formats": "int4/int4"}, {})
    assert "uram" in question.offered(found.problem)
    shown = [part.children[1].id["metric"] for part in controls.budgets(found)]
    assert "uram" not in shown
    assert {"lut", "bram18"} < set(shown)


@pytest.mark.parametrize(("low", "high"), [(4000.0, 2.0), (1.0, 5e6), (0.0, 960.0)])
def test_a_slider_never_allows_more_than_its_value(low, high):
    way = 1 if high > low else -1
    assert [controls.place(end, low, high) for end in (low, high)] == [0, controls.STEPS]
    for share in (0.1, 0.5, 0.9):
        limit = low + (high - low) * share
        assert way * controls.value(controls.place(limit, low, high), low, high) <= way * limit
