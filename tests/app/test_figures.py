"""Figures are pure functions of results; what they plot is what they were given."""

import numpy as np
import pytest

from app.designs import distinct
from app.figures.bits import bits
from app.figures.pareto import pareto
from app.figures.resources import resources
from app.figures.roofline import roofline

DESIGNS = [
    {"name": "fp32", "kind": "reference", "totals": {"weight_bytes": 40.0}, "loss": 0.0, "accuracy": 1.0},
    {"name": "int8", "kind": "uniform", "totals": {"weight_bytes": 10.0, "lut": 7.0}, "loss": 0.1, "accuracy": 0.9},
    {"name": "int4", "kind": "uniform", "totals": {"weight_bytes": 5.0, "lut": 3.0}, "loss": 0.5, "accuracy": 0.8},
    {"name": "plan", "kind": "plan", "totals": {"weight_bytes": 6.0, "lut": 4.0}, "loss": 0.2},
]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_pareto_plots_error_and_leaves_out_what_has_none():
    found = traces(pareto(DESIGNS, cost="weight_bytes", quality="error", title="t"))
    assert set(found) == {"reference", "uniform"}
    assert list(found["uniform"].x) == [5.0, 10.0]
    assert list(found["uniform"].y) == pytest.approx([0.2, 0.1])
    assert list(found["reference"].y) == pytest.approx([0.05])
    assert "error 0" in found["reference"].text[0]


def test_axes_are_in_words_with_units_and_same_designs_share_their_names():
    same = [{**d, "assignment": {"a": "int4/int4"}} for d in (DESIGNS[2], {**DESIGNS[2], "name": "plan at lut of x/x"})]
    figure = pareto([*DESIGNS[:2], *same], cost="weight_bytes", quality="error", title="t")
    assert figure.layout.xaxis.title.text == "Weight storage (B)"
    assert figure.layout.yaxis.title.text == "Test error"
    assert traces(figure)["uniform"].text[0].startswith("int4 = plan at LUTs of x<br>")
    assert [d["name"] for d in distinct([*DESIGNS[:2], *same])] == ["fp32", "int8", "int4"]


def test_pareto_draws_the_front_as_steps():
    found = traces(pareto(DESIGNS, cost="lut", quality="loss", title="t", front=[[3.0, 0.5], [7.0, 0.1]]))
    assert list(found["exact front"].x) == [3.0, 7.0]
    assert found["exact front"].line.shape == "hv"
    assert list(found["plan"].y) == [0.2]


def test_colours_stay_with_their_kind():
    one, other = (traces(pareto(DESIGNS, cost=c, quality="loss", title="t")) for c in ("weight_bytes", "lut"))
    assert one["plan"].marker.color == other["plan"].marker.color


def test_bits_has_a_bar_for_each_operand():
    figure = bits([{"name": "a", "weight_bits": 4.25, "activation_bits": 8.0}], title="t")
    assert {t.name: list(t.y) for t in figure.data} == {"weights": [4.25], "activations": [8.0]}


def test_roofline_has_a_dot_for_each_layer_with_flops_under_the_roof():
    layers = [
        {"name": "a", "precision": "p", "flops": 1e9, "bytes_moved": 1e6, "latency_s": 1e-3},
        {"name": "b", "precision": "p", "flops": 0.0, "bytes_moved": 1e6, "latency_s": 1e-3},
    ]
    found = traces(roofline(layers, peaks={"bf16": 1e15}, memory_bytes_per_s=1e12, title="t"))
    assert list(found["layers"].x) == [1000.0]
    assert list(found["layers"].y) == [1e12]
    assert np.max(found["bf16 roof"].y) == 1e15


def test_resources_are_shares_of_the_device():
    figure = resources([{"name": "a", "lut": 5.0, "dsp": 1.0}], available={"lut": 10.0, "dsp": 4.0}, title="t")
    assert [list(t.y) for t in figure.data] == [[0.5], [0.25]]
