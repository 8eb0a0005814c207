"""Routed experts on an FPGA: one unit that holds all of them, and runs those that tokens take."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators.fpga import Folding, fold, overlay
from costmodel.estimators.fpga.columns import costs
from costmodel.estimators.fpga.memory import weight_bram18
from costmodel.estimators.fpga.traffic_bound import moved_bytes
from costmodel.strategies import strategy
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from costmodel.workload.ops.moe import experts

P, BOARD, BY = cm.precision("int4/int8"), cm.fpga("u250"), Folding(8.0, 16.0)
LINEAR = linear("e", 6, 256, 512)


def routed(stored: int, taken: float) -> cm.Op:
    return experts("e", 6, 256, 512, experts=stored, experts_per_token=taken)


def test_one_expert_that_every_token_takes_is_a_linear_layer() -> None:
    one = routed(1, 1)
    found, plain = (costs(op, P, BOARD, BY) for op in (one, LINEAR))
    assert found["interval"] == plain["interval"]
    assert {n: float(c) for n, c in found.items() if n != "interval"} == {
        n: float(c) for n, c in plain.items() if n != "interval"
    }
    for design in (fold, partial(fold, streaming=True), overlay.fit):
        seconds = [
            cm.estimate(Workload("net", (op,)), P, BOARD, design=design).totals["latency_s"] for op in (one, LINEAR)
        ]
        assert seconds[0] == pytest.approx(seconds[1])


@pytest.mark.parametrize("taken", [1, 2, 1.5])
def test_all_are_held_and_those_taken_run(taken: float) -> None:
    op = routed(8, taken)
    assert costs(op, P, BOARD, BY)["cycles"] == pytest.approx(taken * costs(LINEAR, P, BOARD, BY)["cycles"])
    assert float(weight_bram18(op, P, BY)) == pytest.approx(8 * float(weight_bram18(LINEAR, P, BY)), rel=0.1)
    assert costs(op, P, BOARD, BY)["dsp"] == costs(LINEAR, P, BOARD, BY)["dsp"]
    streamed = replace(BY, streamed=1.0)
    assert moved_bytes(op, P, streamed) == pytest.approx(taken * moved_bytes(LINEAR, P, streamed))


def test_an_overlay_reads_the_experts_that_are_reached() -> None:
    op, net = routed(8, 2), Workload("net", (LINEAR,))
    laid = overlay.fit(net, P, BOARD)
    found, plain = (overlay.evaluate(each, P, BOARD, laid) for each in (op, LINEAR))
    activations = op.input_elements + op.output_elements  # a byte each
    read = plain["bytes_moved"] - LINEAR.input_elements - LINEAR.output_elements
    assert op.b == pytest.approx(8 * (1 - 0.75**6))
    assert found["bytes_moved"] - activations == pytest.approx(op.b * read)
    assert 1 < found["cycles"] / plain["cycles"] <= op.b + 1e-9


@pytest.mark.parametrize("design", [fold, partial(fold, streaming=True), overlay.fit])
def test_null_experts_halve_what_runs_and_change_nothing_stored(design: object) -> None:
    net = cm.zoo.build("mixtral-8x7b", context=64)
    few = replace(net, ops=net.ops[:17], outputs=())
    half = strategy("null_experts:null_experts=8")(few)
    found = [cm.estimate(each, P, BOARD, design=design) for each in (few, half)]
    at = [i for i, op in enumerate(few.ops) if op.kind == "experts"]
    assert len(at) == 2
    rows = [each.columns["cycles"][at] for each in found]
    if design is overlay.fit:
        assert rows[1] == pytest.approx(rows[0] / 2, rel=0.01)
    assert found[1].totals["latency_s"] < found[0].totals["latency_s"]
    assert not any("experts.gate_up_proj" in name or "experts.down_proj" in name for name in found[0].uncounted)
    assert np.isfinite(found[0].latency_s).all()
