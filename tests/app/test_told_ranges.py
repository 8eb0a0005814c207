"""What a range is: 90 % where it was measured to be, elsewhere what the bounds come from; one wording for all pages."""

import pytest

import costmodel as cm
from app import ranges
from app.compare import designs as compared
from app.compare import question, view
from app.explore import detail, opened
from app.fpga_design import layout
from costmodel.estimators.fpga.built import BUILT
from costmodel.estimators.fpga.energy import OFF_BY
from dse.curves import ends

TEXTS = ("zoo:resnet18@u250@int8", "zoo:resnet18@t4@w8a8", "zoo:resnet18@zcu104@w4a4")


@pytest.fixture(scope="module")
def records():
    return [compared.record(question.read_design(text), text) for text in TEXTS]


def texts(part):
    """Everything that a tree of Dash says, titles too."""
    children = getattr(part, "children", part)
    inside = children if isinstance(children, list | tuple) else [] if children is part else [children]
    own = [str(part)] if isinstance(part, str | int | float) else [str(getattr(part, "title", ""))]
    return " ".join([*own, *(texts(each) for each in inside if each is not None)])


def test_an_fpgas_bounds_are_called_what_they_are_made_of():
    totals = dict(cm.estimate(cm.zoo.build("resnet18"), "int8", cm.device("u250")).totals)
    for metric, factor in BUILT.items():
        assert totals[ends(metric)[1]] == pytest.approx(factor * totals[metric])
        assert f"{factor:g}" in ranges.words(metric, totals)
    dynamic = [(totals[end] - totals["static_power_w"]) / totals["dynamic_power_w"] for end in ends("power_w")]
    assert dynamic == pytest.approx([1 / OFF_BY, OFF_BY])
    assert f"{dynamic[0]:g} to {dynamic[1]:g} times" in ranges.words("power_w", totals)
    said = ranges.said(totals, totals)
    assert said.startswith("Ranges beside values are bounds, no 90\u00a0% intervals: ")
    assert all(ranges.words(metric, totals) in said for metric in (*BUILT, "latency_s", "power_w"))
    assert ranges.said(totals, ["latency_s"]).count(";") == 0
    assert ranges.said(totals, ["dsp", "macs"]) == ""


def test_an_overlay_has_bounds_of_its_own():
    board = cm.device("u250")
    totals = dict(cm.estimate(cm.zoo.build("resnet18"), "int8", board, design=layout(board, "overlay", None)).totals)
    assert totals["lut_high"] < BUILT["lut"] * totals["lut"]
    said = ranges.said(totals, totals, layers=True)
    assert "memory" in said
    assert "slowest" not in said
    assert "built" not in said


def test_explore_and_compare_say_90_percent_of_gpus_alone(records):
    shown = [texts(view.table([record], 0, only_differences=False)) for record in records]
    assert ["(90\u00a0%)" in text for text in shown] == [False, True, False]
    assert ["bounds, no 90\u00a0% intervals" in text for text in shown] == [True, False, True]
    together = texts(view.table(records, 0, only_differences=False))
    assert "A and C: Ranges beside values are bounds" in together
    assert "B: A range beside a value holds 90\u00a0% of what is measured." in together


@pytest.mark.parametrize(("device", "is_gpu"), [("u250", False), ("t4", True)])
def test_explore_labels_each_range(device, is_gpu):
    found = cm.estimate(cm.zoo.build("resnet18"), "int8", cm.device(device))
    columns = dict(found.totals) | {"loss": 0.5} | opened.rates(found)
    text = texts(detail.totals(opened.Opened("id", found, columns), {}, 0))
    assert ("(90\u00a0%)" in text) == is_gpu
    assert ranges.said(columns, detail.TOTALS) in text
    assert ("(once built)" in text, "(if slowed)" in text) == (not is_gpu, not is_gpu)


def test_a_dataflows_rate_is_its_slowest_stages_whatever_a_pass_takes(records):
    rates = [record["values"]["examples_per_s"] for record in records]
    assert ["low" in rate for rate in rates] == [False, True, False]
    assert (
        rates[0]["value"] == cm.estimate(cm.zoo.build("resnet18"), "int8", cm.device("u250")).totals["throughput_per_s"]
    )
