"""Sparse iso-FLOP transformations and decaying masks: products kept, densities over a training, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import DecayingMask, NMSparsity, SparseIft, _iso_flop, decaying_mask, sparse_ift, strategy
from costmodel.strategies.sparse_ift import KINDS
from costmodel.workload.ops import linear
from costmodel.workload.training import training

RESNET = cm.zoo.build("resnet18")
VIT = cm.zoo.build("vit_tiny_patch16_224")


def _macs(net):
    return sum(op.macs for op in net.ops)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([0.5, 0.75, 0.8, 0.9]), st.sampled_from(KINDS[1:]))
def test_products_stay_as_many(sparsity, kind):
    assert _macs(SparseIft(sparsity, kind)(RESNET)) == pytest.approx(_macs(RESNET), rel=0.01)


@pytest.mark.parametrize(("sparsity", "ratio"), [(0.3, 1.0), (0.6, 1.03), (0.97, 1.31)])
def test_products_stay_as_many_where_branches_would_not_be_whole(sparsity, ratio):
    """But for stem and classifier, which grow dense; `covers` says what that makes."""
    net = SparseIft(sparsity)(RESNET)
    assert _macs(net) / _macs(RESNET) == pytest.approx(ratio, abs=5e-3)
    assert net.covers.endswith(f"wide and sparse, {_macs(net) / _macs(RESNET):.3g} times the dense network's products")
    inner = net.op("layer4.1.conv2")
    assert inner.macs / RESNET.op("layer4.1.conv2").macs == pytest.approx(1, rel=0.02)
    branched = SparseIft(sparsity, "parallel")(RESNET)
    assert f"{_macs(branched) / _macs(RESNET):.3g} times" in branched.covers


@pytest.mark.parametrize(
    ("sparsity", "width", "whole"),
    [
        (0.3, 76, 64),
        (0.4, 82, 90),
        (0.6, 101, 90),
        (0.7, 116, 110),
        (0.84, 160, 156),
        (0.96, 320, 320),
        (0.99, 640, 640),
    ],
)
def test_widths_are_iso_flop_or_those_of_the_authors_code(sparsity, width, whole):
    """Which takes 1 / (1 - s) as a whole number: no wider at 0.3, so that three in ten products are gone."""
    assert SparseIft(sparsity)(RESNET).op("conv1").n == width
    rounded = SparseIft(sparsity, whole=True)(RESNET)
    assert rounded.op("conv1").n == whole
    inner = rounded.op("layer4.1.conv2").macs / RESNET.op("layer4.1.conv2").macs
    assert inner == pytest.approx((1 - sparsity) * (whole / 64) ** 2, rel=0.01)


def test_where_attention_fixes_channels_a_layer_grows_on_one_side():
    net = SparseIft(0.75)(VIT)
    qkv, hidden = net.op("blocks.3.attn.qkv"), net.op("blocks.3.mlp.fc1")
    assert (qkv.n, qkv.k, qkv.weight_density) == (576, 384, 0.5)
    assert (hidden.n, hidden.k, hidden.weight_density) == (1536, 384, 0.25)
    assert _macs(net) == pytest.approx(_macs(VIT), rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_and_the_last_layer_stay_dense(kind):
    net = SparseIft(0.75, kind)(RESNET)
    names = [op.name for op in net.ops if op.weight_elements and op.weight_density == 1 and "low_rank" not in op.name]
    assert [name for name in names if not (kind == "doped" and name.endswith(".out"))] == ["conv1", "fc"]


def test_what_reads_a_replaced_layer_reads_its_last_op():
    net = SparseIft(0.5, "doped")(RESNET)
    assert net.op("layer1.0.bn1").inputs == ("layer1.0.conv1.sum",)
    assert net.op("layer1.0.conv1.sum").inputs == ("layer1.0.conv1", "layer1.0.conv1.out")
    assert net.op("layer1.0.conv1").inputs == net.op("layer1.0.conv1.low_rank").inputs == ("maxpool",)
    assert SparseIft(0.5, "parallel")(RESNET).op("layer1.0.conv1.sum").input_elements == 2 * 64 * 56 * 56


def test_globs_name_the_layers():
    net = SparseIft(0.5, "factorized", layers=("layer4.1.*",))(RESNET)
    assert {op.name for op in net.ops} - {op.name for op in RESNET.ops} == {
        f"layer4.1.conv{i}.{part}" for i in (1, 2) for part in ("between", "out")
    }


def test_training_takes_three_sparse_forwards_and_rigl_a_dense_gradient_now_and_then():
    dense, sparse = 100.0, 10.0
    assert _iso_flop.training_flops(sparse, dense) == 30
    assert _iso_flop.training_flops(sparse, dense, method="dense") == 300
    assert _iso_flop.training_flops(sparse, dense, method="rigl", delta_t=100) == pytest.approx(
        0.8 * (30 * 100 + 20 + 100) / 101 + 0.2 * 30
    )
    how = SparseIft(0.75, "parallel")
    step = cm.training(how(RESNET))
    kept, larger = (sum(op.flops for op in net.ops) for net in (how(RESNET), RESNET))
    ends = sum(op.flops for op in RESNET.ops if op.name in ("conv1", "fc"))
    found = {m: sparse_ift.training_flops(how, RESNET, method=m) for m in ("static", "rigl", "dense")}
    assert found["static"] == pytest.approx(3 * kept)
    assert found["dense"] == pytest.approx(3 * (4 * (larger - ends) + ends))
    assert found["rigl"] == pytest.approx(3 * kept + 0.8 * (found["dense"] / 3 - kept) / 101)
    by_input = next(op for op in step.ops if op.name == "layer1.0.conv1.grad_input")
    assert by_input.macs == step.op("layer1.0.conv1").macs


@given(st.floats(0.0, 0.99), st.integers(1, 1000), st.floats(0, 1))
def test_rigl_lies_between_static_and_dense(sparsity, delta_t, updated):
    static, rigl, dense = (
        _iso_flop.training_flops(1 - sparsity, 1.0, method=method, delta_t=delta_t, updated=updated)
        for method in ("static", "rigl", "dense")
    )
    assert static <= rigl * (1 + 1e-12)
    assert rigl <= dense * (1 + 1e-12)


def test_stepwise_halves_and_geometric_widens():
    patterns = [(frame.n, frame.m) for frame in DecayingMask(1, 16).frames]
    assert patterns == [(15, 16), (8, 16), (4, 16), (2, 16), (1, 16)]
    geometric = DecayingMask(1, 8, "sdgf_geometric").frames
    assert [(frame.n, frame.m) for frame in geometric] == [(8, 64), (4, 32), (2, 16), (1, 8)]
    assert [frame.index_bits for frame in geometric] == [6, 5, 4, 3]


def test_fading_masks_cost_dense_products_until_they_are_gone():
    assert DecayingMask(1, 4, "mdgf_exponential", rate=9.0).mean_density == 1
    assert DecayingMask(1, 4, "mdgf_linear", rate=2.0).mean_density == pytest.approx(0.5 + 0.5 * 0.25)
    faded = DecayingMask(1, 4, "mdgf_linear", rate=2.0)
    assert [faded.mask_value(t) for t in (0.0, 0.25, 0.5, 1.0)] == [1, 0.5, 0, 0]
    assert DecayingMask(1, 4, "mdgf_exponential", rate=1.0).mask_value(1.0) == pytest.approx(0.36787944)
    assert DecayingMask(1, 4).mask_value(0.5) == 0


def test_dense_and_fine_tuned_parts_weigh_by_their_steps():
    how = DecayingMask(1, 8, dense=0.2, fine_tune=0.3)
    assert how.mean_density == pytest.approx(0.2 + 0.5 * 0.4375 + 0.3 * 0.125)


def test_the_mean_step_spares_the_forward_and_the_gradient_by_input():
    how = DecayingMask(1, 8, layers=("*.mlp.fc1",))
    dense, mean = cm.training(VIT), how(cm.training(VIT))
    for name, share in (("", 0.4375), (".grad_input", 0.4375), (".grad_weight", 1)):
        op = f"blocks.3.mlp.fc1{name}"
        assert mean.op(op).macs == pytest.approx(share * dense.op(op).macs)
    assert mean.op("blocks.3.mlp.fc2") == dense.op("blocks.3.mlp.fc2")
    touched = sum(op.flops for op in dense.ops if op.name.startswith("blocks.") and ".mlp.fc1" in op.name) * 2 / 3
    assert decaying_mask.training_flops(how, VIT) == pytest.approx(2 * _macs(dense) - touched * (1 - 0.4375))


@pytest.mark.parametrize(
    "spelled",
    ["decaying_mask:n=1,m=8", "decaying_mask:n=2,m=4,schedule=mdgf_linear,rate=2", "adapt:density=0.5,copies=false"],
)
def test_all_weights_are_stored_while_masks_decay(spelled):
    """Each may come back: weights, gradients, masters and moments are those of the dense training."""
    dense = cm.training(VIT)
    found, whole = (cm.estimate(net, "bf16", cm.gpu("a100_sxm")).totals for net in (strategy(spelled)(dense), dense))
    for name in ("params", "weight_bytes", "gradient_bytes", "optimizer_bytes", "footprint_bytes"):
        assert found[name] == whole[name]
    for name in ("bytes_moved", "latency_s", "latency_low_s", "latency_high_s", "energy_j"):
        assert found[name] == pytest.approx(whole[name], rel=1e-12), "zeros are read and multiplied"
    assert found["flops"] < whole["flops"]
    assert len(strategy(spelled)(dense).uncounted) == 1
    exchanged = strategy(f"distributed_training:data=8 + {spelled}")(dense)
    assert exchanged.op("gradients.exchange") == strategy("distributed_training:data=8")(dense).op("gradients.exchange")
    last = strategy(f"{spelled} + distributed_training:data=8")(dense)
    assert last.op("gradients.exchange") == exchanged.op("gradients.exchange")


@pytest.mark.parametrize(
    ("spelled", "share"),
    [("nm_sparsity:n=1,m=8", 1 / 8), ("unstructured_sparsity:density=0.2", 0.2), ("block_sparsity:density=0.25", 0.25)],
)
def test_a_kept_mask_is_trained_in_three_sparse_forwards_whichever_comes_first(spelled, share):
    sparse = strategy(spelled)
    step = sparse(cm.training(RESNET))
    assert step == cm.training(sparse(RESNET))
    for part in ("", ".grad_input", ".grad_weight"):
        name = f"layer3.0.conv1{part}"
        assert step.op(name).macs == pytest.approx(share * cm.training(RESNET).op(name).macs)


def test_a_pipe_for_n_of_m_weights_speeds_up_the_forward_alone():
    dense, sparse = (cm.estimate(net, "bf16", cm.gpu("a100_sxm")) for net in _steps_of_a_layer())
    spent = [{row["name"]: row["latency_s"] for row in each.table()} for each in (dense, sparse)]
    assert spent[1]["fc"] < 0.7 * spent[0]["fc"]
    for name in ("fc.grad_weight", "fc.grad_input"):
        assert spent[1][name] == pytest.approx(spent[0][name], rel=0.1), "zeros are multiplied"


def _steps_of_a_layer():
    net = cm.Workload("two layers", (linear("first", 4096, 4096, 4096), linear("fc", 4096, 4096, 4096)))
    return training(net), training(NMSparsity(2, 4)(net))


def test_what_is_recomputed_stays_recomputed():
    def again(op):
        return op.kind == "activation"

    sparse = NMSparsity(2, 4)
    step = sparse(training(RESNET, recompute=again))
    assert step == training(sparse(RESNET), recompute=again)
    assert step.op("layer1.0.act1.recompute")


def test_a_training_pass_that_was_edited_is_not_made_sparse():
    with pytest.raises(
        ValueError, match="resnet18 was edited as a training pass: edit its forward pass, then train it"
    ):
        strategy("adapt + nm_sparsity:n=2,m=4")(cm.training(RESNET))


@pytest.mark.parametrize(
    "spelled", ["nm_sparsity:n=2,m=4", "decaying_mask:n=2,m=4", "unstructured_sparsity:density=0.5"]
)
def test_a_vocabulary_that_gpus_do_not_divide_is_sparse_whichever_comes_first(spelled):
    """GPT-2's 50257 columns are padded to 25129 on each of two: no input picks them."""
    net = cm.zoo.build("gpt2", phase="forward", context=32)
    split, last = (strategy(s)(net) for s in (f"parallel:tensor=2 + {spelled}", f"{spelled} + parallel:tensor=2"))
    assert split.op("lm_head").n == 25129
    for one, other in zip(split.ops, last.ops, strict=True):
        assert one.name == other.name
        assert (one.macs, one.params) == pytest.approx((other.macs, other.params), rel=1e-12)


def test_after_training_the_network_is_n_of_m():
    assert DecayingMask(2, 4)(RESNET).ops == NMSparsity(2, 4)(RESNET).ops


@settings(max_examples=50)
@given(st.sampled_from(sorted(decaying_mask.SCHEDULES)), st.integers(0, 5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_mean_density_lies_between_the_ends(schedule, halvings, dense, fine_tune):
    how = DecayingMask(1, 2**halvings, schedule, dense=dense, fine_tune=fine_tune)
    assert 1 / how.m - 1e-12 <= how.mean_density <= 1 + 1e-12
    assert sum(frame.share for frame in how.frames) == pytest.approx(1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SparseIft(1.0), r"sparsity must be in \[0, 1\), got 1.0"),
        (lambda: SparseIft(-0.1), r"sparsity must be in \[0, 1\), got -0.1"),
        (lambda: SparseIft(0.5, "tall"), "kind must be one of wide, parallel, factorized, doped, got 'tall'"),
        (lambda: SparseIft(0.5, base=0), "base must be at least 1, got 0"),
        (lambda: SparseIft(0.5)(cm.training(RESNET)), "before the training pass is made"),
        (lambda: _iso_flop.training_flops(1, 1, method="set"), "method must be dense, static or rigl, got 'set'"),
        (lambda: _iso_flop.training_flops(1, 1, delta_t=0), "delta_t must be at least 1"),
        (lambda: DecayingMask(5, 4), "0 < n <= m must hold, got n=5, m=4"),
        (lambda: DecayingMask(3, 8), "m / n must be a power of two, got 3:8"),
        (lambda: DecayingMask(1, 4, "cosine"), "schedule must be one of mdgf_linear, .*, got 'cosine'"),
        (lambda: DecayingMask(1, 4, dense=0.7, fine_tune=0.6), "shares of the steps, got 0.7, 0.6"),
        (lambda: DecayingMask(1, 4, rate=float("nan")), "rate must be above 0, got nan"),
        (lambda: DecayingMask(1, 4, dense=float("nan")), "shares of the steps, got nan"),
        (lambda: DecayingMask(1, 4, "mdgf_linear", rate=0.0), "rate must be above 0, got 0.0"),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_linear_layer_has_the_width_and_the_rank_of_its_products():
    op = linear("fc", 4, 300, 200)
    assert _iso_flop.inner_width(op, 0.75) == 480
    assert _iso_flop.doped_rank(op, 0.75) == 90
