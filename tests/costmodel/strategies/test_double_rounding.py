"""Stored integers serve narrower widths: what rounding twice costs, and what a switch moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
import dse
from costmodel.strategies import strategy
from costmodel.strategies.double_rounding import (
    DoubleRounding,
    apart_bits,
    narrow,
    passes_to_repay,
    storage_bits,
    switch_bytes,
    switch_probabilities,
    switch_s,
)
from costmodel.workload.parallel import pipeline_parallel

NET = cm.zoo.build("resnet18")
WEIGHTS = sum(op.weight_elements for op in NET.ops)


@given(st.integers(2, 8), st.integers(2, 8))
def test_a_value_rounded_twice_is_off_by_a_half_and_a_bit(low, high):
    low, high = sorted((low, high))
    x = np.linspace(-1, 1, 2001)
    step = 1 / (2 ** (high - 1) - 1)
    stored = np.rint(x / step)
    once_more = narrow(stored, stored_bits=high, bits=low)
    factor = 2 ** (high - low)
    inside = np.abs(stored) < factor * (2 ** (low - 1) - 0.5)
    assert (np.abs(once_more * factor * step - x)[inside] <= (factor / 2 + 0.5) * step + 1e-12).all()
    assert np.array_equal(narrow(stored, stored_bits=high, bits=high), stored)


def test_narrowing_in_steps_is_near_narrowing_at_once():
    codes = np.arange(-128, 128)
    at_once = narrow(codes, stored_bits=8, bits=4)
    in_steps = narrow(narrow(codes, stored_bits=8, bits=6), stored_bits=6, bits=4)
    assert np.abs(at_once - in_steps).max() <= 1
    assert set(np.unique(at_once)) <= set(range(-8, 8))


def test_one_width_is_stored_and_a_switch_reads_and_writes_it_once():
    assert storage_bits((8, 6, 4, 2)) == 8 < apart_bits((8, 6, 4, 2)) == 20
    assert switch_bytes(NET, stored_bits=8, bits=4) == WEIGHTS * 12 / 8
    assert switch_bytes(NET, stored_bits=8, bits=8) == 0
    assert passes_to_repay(NET, stored_bits=8, bits=4) == 3
    assert passes_to_repay(NET, stored_bits=8, bits=8) == 0
    gpu = cm.gpu("l4")
    assert switch_s(NET, gpu, stored_bits=8, bits=4) == WEIGHTS * 12 / 8 / gpu.memory_bytes_per_s


@pytest.mark.parametrize("every", [1, 10, 1000])
def test_a_switch_in_so_many_passes_moves_its_bytes_over_them_and_keeps_both_widths(every):
    gpu, used = cm.gpu("a100_sxm"), "int4/bf16"
    plain = cm.estimate(NET, used, gpu).totals
    found = cm.estimate(DoubleRounding(8, 4, every=every)(NET), used, gpu).totals
    moved = found["bytes_moved"] - plain["bytes_moved"]
    assert moved == pytest.approx(switch_bytes(NET, stored_bits=8, bits=4) / every, rel=1e-9)
    assert found["weight_bytes"] - plain["weight_bytes"] == pytest.approx(WEIGHTS * 8 / 8)
    assert found["macs"] == plain["macs"]
    assert found["latency_s"] > plain["latency_s"]


def test_the_stored_weights_are_no_layer_whose_noise_counts():
    from dse.passes import Pass

    edited = DoubleRounding(8, 4, every=10)(NET)
    assert Pass(edited, NET, edited).layers == Pass(NET, NET, NET).layers


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9), st.lists(st.integers(2, 16), min_size=1, max_size=5))
def test_probabilities_sum_to_one_and_sensitive_layers_draw_wide_ones(traces, widths):
    found = switch_probabilities(traces, widths)
    assert np.allclose(found.sum(axis=1), 1)
    mean_width = found @ np.array(widths)
    assert mean_width[int(np.argmax(traces))] >= mean_width.min() - 1e-9


def test_narrowed_as_read_it_weighs_what_is_stored_and_multiplies_what_is_narrow():
    net, gpu = cm.zoo.build("llama-3.2-1b", phase="decode", context=64), cm.gpu("a100_sxm")
    stored = cm.estimate(DoubleRounding(8, 4)(net), "int4/bf16", gpu)
    eight, four = (cm.estimate(net, p, gpu) for p in ("int8/bf16", "int4/bf16"))
    layers = sum(op.weight_elements for op in net.ops if op.kind == "linear")
    assert stored.totals["weight_bytes"] == pytest.approx(four.totals["weight_bytes"] + layers / 2)
    assert stored.totals["weight_bytes"] == pytest.approx(eight.totals["weight_bytes"])
    assert stored.totals["bops"] == four.totals["bops"]
    assert four.totals["roofline_s"] < eight.totals["roofline_s"] <= stored.totals["roofline_s"]


def test_bad_input_is_one_line():
    with pytest.raises(ValueError, match="strategy double_rounding: 2 <= bits <= stored_bits must hold, got bits=8"):
        strategy("double_rounding:stored_bits=4,bits=8")
    with pytest.raises(ValueError, match=r"at least 2 bits each, got \[\]"):
        storage_bits(())
    with pytest.raises(ValueError, match="2 <= bits <= stored_bits must hold, got bits=6, stored_bits=4"):
        narrow([1], stored_bits=4, bits=6)
    with pytest.raises(ValueError, match="finite, one a layer, got"):
        switch_probabilities([], (2, 4))


@pytest.mark.parametrize(
    ("spelled", "net", "held", "other", "bits"),
    [
        ("double_rounding", "llama-3.2-1b", "int4_g128/bf16", "w8a8", "4"),
        ("double_rounding:every=10,bits=2", "llama-3.2-1b", "int2/bf16", "w4a16", "2"),
        ("aqlm:codebooks=2,code_bits=8", "llama-3.2-1b", "int2/bf16", "int4_g128/bf16", "2"),
        ("fast_2bit", "llama-3.2-1b", "int2_g16/bf16", "bf16", "2"),
        ("edge_moe:bits=4.125", "mixtral-8x7b", "int4_g128/bf16", "int8/bf16", "4.125"),
        ("edge_moe", "mixtral-8x7b", "int4_g128/bf16", "bf16", "4"),
    ],
)
def test_codes_are_estimated_in_formats_of_their_bits_alone(spelled, net, held, other, bits):
    found = strategy(spelled)(cm.zoo.build(net, phase="decode", batch=1, context=64))
    gpu = cm.gpu("a100_sxm")
    assert cm.estimate(found, held, gpu).totals["latency_s"] > 0
    with pytest.raises(
        ValueError, match=f"is stored in codes of {bits} bits: a weight format of as many is needed, got"
    ):
        cm.estimate(found, other, gpu)
    layers = [op.name for op in found.ops if op.code_bits]
    mixed = {"*": other} | dict.fromkeys(layers, held)
    assert cm.estimate(found, mixed, gpu).totals["latency_s"] > 0


def test_plans_have_no_format_that_does_not_hold_the_codes():
    net = DoubleRounding(8, 4, ("*mlp*",))(cm.zoo.build("llama-3.2-1b", phase="decode", batch=1, context=64))
    problem = dse.choices(net, ["int4_g128", "int8", "bf16"]).on(cm.gpu("a100_sxm"))
    taken = np.isfinite(problem.loss)
    narrow = np.array(["mlp" in layer for layer in problem.layers])
    assert taken[narrow].tolist() == [[True, False, False]] * int(narrow.sum())
    assert taken[~narrow].all()
    with pytest.raises(ValueError, match="is stored in codes of 4 bits"):
        dse.choices(net, ["int8", "bf16"]).on(cm.gpu("a100_sxm"))


@pytest.mark.parametrize("every", [0, 10])
def test_a_stage_receives_tokens_where_its_first_layer_is_narrowed(every):
    """A block of BERT starts with a product, not with a norm."""
    net = cm.zoo.build("bert-base")
    narrowed = DoubleRounding(8, 4, every=every)(net)
    before, after = (pipeline_parallel(each, 2).op("stage.receive") for each in (net, narrowed))
    assert after == before
    assert after.input_elements > 0
