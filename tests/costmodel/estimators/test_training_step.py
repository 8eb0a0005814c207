"""Distributed training: formulas against the ops of a network, laws of a step, and published iteration times."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import training as formulas
from costmodel.estimators.training_step import Layout, training_step
from costmodel.hardware import link
from costmodel.strategies import megascale
from costmodel.workload.architectures.gpt2 import gpt2
from costmodel.workload.serving import forward, passes

A100, HDR = cm.gpu("a100_sxm"), link("ib_hdr")
SMALL = gpt2("small", layers=4, d_model=256, heads=4, vocab=1024, positions=256, tied=False)


def small(batch):
    return forward(SMALL, batch, 256)


def step(layout, batch=16, net=small):
    return training_step(net, batch, "bf16", A100, layout, HDR)


def test_the_papers_flops_a_token_are_those_of_the_networks_ops():
    found = sum(op.flops for op in cm.training(forward(SMALL, 1, 256)).ops) / 256
    assert found == pytest.approx(formulas.flops_per_token(4, 256, 256, 1024))


@given(st.integers(1, 64), st.integers(1, 512), st.integers(1, 8))
def test_a_bubble_shrinks_with_micro_batches_and_chunks_and_one_stage_has_none(stages, micro, chunks):
    here = formulas.bubble(stages, micro, chunks)
    assert here >= 0
    assert formulas.bubble(1, micro, chunks) == 0
    assert formulas.bubble(stages, micro + 1, chunks) <= here
    assert formulas.bubble(stages, micro, chunks + 1) <= here


@given(st.floats(1e6, 1e12), st.integers(1, 1024))
def test_each_zero_stage_keeps_less_and_one_gpu_keeps_all(params, replicas):
    parts = (2 * params, 2 * params, 12 * params)
    kept = [formulas.state_bytes(*parts, replicas, stage) for stage in range(4)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == sum(parts)
    assert kept[3] == pytest.approx(sum(parts) / replicas)
    assert formulas.state_bytes(*parts, 1, 3) == sum(parts)


def test_recomputing_all_but_layers_inputs_costs_a_forward_in_hfu_and_saves_memory():
    def inside(op):
        return op.kind != "embedding" and not op.name.endswith(("residual", "wte.sum"))

    plain, again = step(Layout()), step(Layout(recompute=inside))
    assert again.hfu / again.mfu == pytest.approx(4 / 3, rel=0.03)
    assert plain.hfu == pytest.approx(plain.mfu)
    assert again.step_s > plain.step_s
    assert again.memory_bytes < plain.memory_bytes


def test_one_gpu_exchanges_nothing_and_its_parts_are_the_step():
    found = step(Layout())
    assert found.step_s == pytest.approx(found.parts_s["arithmetic"] + found.parts_s["optimizer"])
    assert found.step_low_s < found.step_s < found.step_high_s
    shared = step(Layout(tensor=2, pipeline=2, data=2))
    assert sum(shared.parts_s.values()) == pytest.approx(shared.step_s)
    assert all(seconds > 0 for seconds in shared.parts_s.values())


def test_what_overlaps_is_never_slower_and_fewer_bits_are_sent_sooner():
    layout = Layout(tensor=2, pipeline=2, data=4)
    for name in ("tensor", "pipeline", "data"):
        assert step(replace(layout, overlap=(name,))).step_s < step(layout).step_s
    sent = [step(replace(layout, gradient_bits=bits)).parts_s["data exchange"] for bits in (32.0, 16.0, 1.0)]
    assert sent == sorted(sent, reverse=True)


def test_more_gpus_and_more_zero_never_need_more_memory_each():
    found = [step(Layout(data=n)).memory_bytes for n in (1, 2, 4, 8)]
    assert found == sorted(found, reverse=True)
    found = [step(Layout(data=4, zero=zero)).memory_bytes for zero in range(4)]
    assert found == sorted(found, reverse=True)
    assert not step(Layout(micro_batch=16384), batch=16384).fits


OF_THE_TABLE = gpt2(
    "175b", layers=megascale.LAYERS, d_model=megascale.WIDTH, heads=megascale.HEADS, vocab=megascale.VOCAB,
    positions=megascale.SEQUENCE, tied=False,
)  # fmt: skip
PUBLISHED = [row for row in megascale.ROWS if row[0] == "Megatron"]


@pytest.mark.parametrize("net", [OF_THE_TABLE, cm.zoo.gpt("3-175b")], ids=lambda net: net.name)
@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row[1]}")
def test_megatrons_published_iteration_times_are_met_without_a_fit(row, net):
    _, gpus, batch, seconds, *_ = row
    m = megascale
    layout = Layout(m.TENSOR, m.PIPELINE, gpus // (m.TENSOR * m.PIPELINE), interleave=m.INTERLEAVE)
    found = training_step(lambda size: forward(net, size, m.SEQUENCE), batch, "bf16", A100, layout, HDR)
    assert -0.10 < found.step_s / seconds - 1 < 0.01
    assert found.step_low_s < seconds < found.step_high_s
    assert found.fits


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Layout(tensor=0), "tensor parallelism needs .*, got 0"),
        (lambda: Layout(overlap=("tensors",)), "unknown overlap 'tensors'; did you mean tensor"),
        (lambda: Layout(interleave=0), "interleave must be a whole number of chunks a stage of at least 1, got 0"),
        (lambda: Layout(micro_batch=1.5), "micro_batch must be a whole number of samples of at least 1, got 1.5"),
        (lambda: step(Layout(), batch=0), "batch must be a whole number of samples of at least 1, got 0"),
        (lambda: step(Layout(), batch=-8), "batch must be .* of at least 1, got -8"),
        (lambda: step(Layout(), batch=float("nan")), "batch must be .* of at least 1, got nan"),
        (lambda: step(Layout(), batch=float("inf")), "batch must be .* of at least 1, got inf"),
        (lambda: step(Layout(data=3)), "3 replicas of micro-batches of 1 do not divide 16"),
        (lambda: step(Layout(pipeline=3)), "3 stages do not divide the 4 layers"),
        (lambda: step(Layout(pipeline=2, interleave=3)), "3 chunks do not divide the 2 layers that a stage of"),
        (lambda: step(Layout(pipeline=2, interleave=2), batch=3), "in multiples of its 2 stages, got 3"),
        (lambda: step(Layout(tensor=8)), "8 GPUs do not divide the 4 heads"),
        (lambda: formulas.state_bytes(1, 1, 1, 2, 4), "a ZeRO stage is 0, 1, 2 or 3, got 4"),
    ],
)
def test_bad_layouts_are_told_in_a_line(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_step_of_a_decoder_keeps_no_cache_beside_its_activations():
    def totals(phase, kv):
        at = passes(SMALL, batch=2, context=64, phase=phase)
        return cm.estimate(at, cm.precision(f"bf16/bf16/{kv}"), cm.gpu("h100_sxm")).totals

    for phase in ("training", "forward"):
        assert totals(phase, "bf16")["kv_bytes"] == 0
        assert totals(phase, "bf16")["footprint_bytes"] == totals(phase, "fp8_e4m3")["footprint_bytes"]
    assert totals("prefill", "bf16")["kv_bytes"] > 0
