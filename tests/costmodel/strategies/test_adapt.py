"""AdaPT's step: sparse weights and copies, and what word lengths are worth."""

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators.footprint import alive_bytes, footprint_bytes, input_bytes
from costmodel.strategies import strategy
from costmodel.strategies.adapt import AdaptivePrecision, memory_ratio, schedule_speedup, weighted_madds
from costmodel.workload.training import forward_end

FORWARD = cm.zoo.build("resnet18", batch=8)
STEP = cm.training(FORWARD)
LAYERS = [op for op in FORWARD.ops if op.weight_elements]


def test_two_of_three_passes_are_sparse():
    half = AdaptivePrecision(density=0.5, copies=False)(STEP)
    first = LAYERS[0].macs  # has no gradient by input
    forward = sum(op.macs for op in LAYERS)
    dense, sparse = (sum(op.macs for op in net.ops) for net in (STEP, half))
    assert dense == pytest.approx(3 * forward - first)
    assert dense - sparse == pytest.approx(0.5 * (2 * forward - first))


def test_copies_cost_their_weights_and_store_nothing():
    copied = AdaptivePrecision()(STEP)
    added = [op for op in copied.ops if op.name.endswith(".quantise")]
    weights = sum(op.weight_elements for op in LAYERS)
    assert sum(op.output_elements for op in added) == weights
    assert sum(op.params for op in copied.ops) == sum(op.params for op in STEP.ops)


@pytest.mark.parametrize("text", ["fp32", "bf16", "int8/int8"])
def test_copies_are_the_stored_weights_and_the_input_stays(text):
    used = cm.precision(text)
    assert input_bytes(AdaptivePrecision()(STEP), used) == input_bytes(STEP, used) > 0
    assert footprint_bytes(AdaptivePrecision()(STEP), used) == footprint_bytes(STEP, used)


def test_copies_of_a_schedule_occupy_memory_beside_the_weights_they_are_made_of():
    used, bits = cm.precision("fp32"), (8, 8, 12, 16)
    copied = AdaptivePrecision(word_lengths=bits)(STEP)
    end, copied_end = (forward_end(net) for net in (STEP, copied))
    alive, copied_alive = alive_bytes(STEP, used)[end], alive_bytes(copied, used)[copied_end]
    params = [op.weight_elements for op in LAYERS[1:]]  # no gradient by the network's input reads the first copy again
    assert 4 * sum(params) + copied_alive - alive == pytest.approx(
        4 * sum(params) * memory_ratio(params, np.mean(bits))
    )
    assert footprint_bytes(copied, used) > footprint_bytes(STEP, used)


def test_a_layer_of_full_word_length_reads_its_master(tmp_path):
    assert AdaptivePrecision(word_lengths=(32, 32))(STEP) == STEP
    (tmp_path / "trace.json").write_text(str([[32] + [8] * (len(LAYERS) - 1)]))
    mixed = AdaptivePrecision(trace=str(tmp_path / "trace.json"))(STEP)
    copies = {op.name for op in mixed.ops if op.name.endswith(".quantise")}
    assert copies == {f"{op.name}.quantise" for op in LAYERS[1:]}


def test_a_step_in_int8_is_faster_than_in_fp32_by_less_than_its_madds_say():
    gpu = cm.gpu("a100_sxm")
    full = cm.estimate(STEP, "fp32", gpu).totals["latency_s"]
    narrow = cm.estimate(AdaptivePrecision()(STEP), "int8/int8", gpu).totals["latency_s"]
    assert 1 < schedule_speedup([0.5, 0.5], [full, narrow], full) < full / narrow
    assert schedule_speedup([1.0], [full], full) == 1.0


def test_a_schedule_is_the_mean_step_by_weighted_madds():
    bits = [8, 8, 12, 16]
    plain, mean = (AdaptivePrecision(copies=False, word_lengths=lengths)(STEP) for lengths in ((), bits))
    by_weight = sum(op.macs for op in STEP.ops if op.name.endswith(".grad_weight"))
    whole, spent = (sum(op.macs for op in net.ops) for net in (plain, mean))
    assert spent - by_weight == pytest.approx(np.mean(bits) / 32 * (whole - by_weight))
    assert sum(op.params for op in mean.ops) == sum(op.params for op in STEP.ops)


def test_a_schedule_says_that_no_device_reaches_its_time():
    for narrow in (AdaptivePrecision(word_lengths=(8, 32)), AdaptivePrecision(trace="bits.json")):
        assert "no device here does" in narrow.unreached
    for whole in (AdaptivePrecision(), AdaptivePrecision(word_lengths=(32,)), AdaptivePrecision(density=0.5)):
        assert whole.unreached == ""


def test_a_trace_gives_each_layer_its_own_word_lengths(tmp_path):
    lengths = np.tile(np.arange(4, 4 + len(LAYERS)), (3, 1))
    (tmp_path / "trace.json").write_text(str(lengths.tolist()))
    traced = AdaptivePrecision(copies=False, trace=str(tmp_path / "trace.json"))(STEP)
    for op, bits in zip(LAYERS, lengths[0], strict=True):
        assert traced.op(op.name).macs == pytest.approx(op.macs * bits / 32)
        if op is not LAYERS[0]:
            before = STEP.op(f"{op.name}.grad_input").macs
            assert traced.op(f"{op.name}.grad_input").macs == pytest.approx(before * bits / 32)
    (tmp_path / "short.json").write_text("[[8, 8]]")
    with pytest.raises(ValueError, match=r"short.json has word lengths of 2 layers, the network has 21"):
        AdaptivePrecision(trace=str(tmp_path / "short.json"))(STEP)


def test_weighted_madds():
    macs = np.array([op.macs for op in LAYERS])
    assert weighted_madds(macs, 32) == pytest.approx(macs.sum())
    assert weighted_madds(macs, 8, 0.5) == pytest.approx(macs.sum() / 8)
    params = np.array([op.weight_elements for op in LAYERS])
    assert memory_ratio(params, 16) == 1.5
    assert memory_ratio(params, 16, 0.5, master=False) == 0.25


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: strategy("adapt:density=0"), r"strategy adapt: the density must be within \(0, 1\], got 0"),
        (lambda: AdaptivePrecision()(FORWARD), "AdaPT changes a training step, got a forward pass of resnet18"),
        (lambda: weighted_madds([1.0], [33]), "word lengths must be within 1..32"),
        (lambda: weighted_madds([1.0], [8], [1.5]), "densities must be within 0..1"),
        (lambda: strategy("adapt:word_lengths=8;40"), "strategy adapt: word lengths must be within 1..32, got"),
        (lambda: AdaptivePrecision(word_lengths=(8,), trace="a"), "a schedule is word_lengths or a trace, got both"),
        (lambda: schedule_speedup([0.5], [1.0], 1.0), "summing to 1"),
    ],
)
def test_bad_input_is_one_line(act, says):
    with pytest.raises(ValueError, match=says):
        act()
