"""Dynamic filters and sparse attention: expected products, the predictors' cost, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import DynamicFilters, SparseAttention
from costmodel.strategies.sparse_attention import attention_macs
from costmodel.workload.training import sources

RESNET, BATCHED = (cm.zoo.build("resnet18", batch=b) for b in (1, 4))
MOBILENET = cm.zoo.build("mobilenetv2_100")
DEIT = cm.zoo.build("deit_small_patch16_224")


def test_active_filters_times_active_inputs():
    net = DynamicFilters(0.5)(RESNET)
    for name, share in (("conv1", 0.5), ("layer1.0.conv1", 0.25), ("layer4.1.conv2", 0.25), ("fc", 1 - 0.5**3)):
        assert net.op(name).macs == pytest.approx(share * RESNET.op(name).macs)
    assert net.op("layer2.0.conv1").params == RESNET.op("layer2.0.conv1").params


def test_inputs_that_vary_cost_more_than_their_mean():
    net = DynamicFilters(0.5, deviation=0.3)(RESNET)
    assert net.op("layer1.0.conv1").macs == pytest.approx((0.25 + 0.09) * RESNET.op("layer1.0.conv1").macs)


@pytest.mark.parametrize(("keep", "deviation"), [(0.5, 0.0), (0.25, 0.0), (0.6, 0.15)])
def test_products_are_those_of_masks_drawn_by_chance(keep, deviation):
    """Every filter of every convolution drawn for itself; a sum's channel is zero where those of all addends are."""
    rng, reads, draws = np.random.default_rng(0), sources(RESNET.ops), 1200 if deviation else 40
    spread = keep * (1 - keep) / deviation**2 - 1 if deviation else np.inf
    common = rng.beta(keep * spread, (1 - keep) * spread, draws) if deviation else np.full(draws, keep)
    found: list[np.ndarray] = []
    macs = np.zeros(draws)
    for i, op in enumerate(RESNET.ops):
        read = np.any([found[j] for j in reads[i]], axis=0) if reads[i] else np.ones((draws, 1), bool)
        made = rng.random((draws, int(op.n))) < common[:, None] if op.kind == "conv" else read
        found.append(made)
        macs += op.macs * read.mean(1) * (made.mean(1) if op.kind == "conv" else 1.0)
    ours = sum(op.macs for op in DynamicFilters(keep, deviation=deviation)(RESNET).ops if not op.name.endswith(".mask"))
    assert ours == pytest.approx(macs.mean(), rel=0.01 + 3 * macs.std() / macs.mean() / draws**0.5)


def test_all_filters_or_none_make_a_share_of_the_products():
    net = DynamicFilters(0.3, deviation=0.21**0.5)(RESNET)
    for name in ("conv1", "layer2.0.conv1", "fc"):
        assert net.op(name).macs == pytest.approx(0.3 * RESNET.op(name).macs)


def test_a_sum_with_an_unmatched_layer_is_whole():
    net = DynamicFilters(0.5, ("layer1.*.conv*",))(RESNET)
    assert net.op("layer1.0.conv1").macs == pytest.approx(0.5 * RESNET.op("layer1.0.conv1").macs)  # the stem is whole
    assert net.op("layer1.0.conv2").macs == pytest.approx(0.25 * RESNET.op("layer1.0.conv2").macs)
    assert net.op("layer2.0.conv1") == RESNET.op("layer2.0.conv1")


def test_depthwise_convolutions_run_on_active_channels():
    net = DynamicFilters(0.5)(MOBILENET)
    name = next(op.name for op in MOBILENET.ops if op.name.endswith("1.0.conv_dw"))
    assert net.op(name).macs == pytest.approx(0.5 * MOBILENET.op(name).macs)


def test_the_predictor_is_a_pooling_and_a_pointwise_layer():
    net = DynamicFilters(0.5)(BATCHED)
    mask, pool = net.op("layer2.0.conv1.mask"), net.op("layer2.0.conv1.pool")
    assert (mask.m, mask.k, mask.n) == (4, 64, 128)
    assert pool.output_elements == 4 * 64
    assert net.op("layer2.0.conv1").inputs == ("layer1.1.act2", "layer2.0.conv1.mask")
    predictors = sum(op.macs for op in net.ops if op.name.endswith(".mask"))
    assert predictors < 0.001 * sum(op.macs for op in BATCHED.ops)


def test_images_of_a_batch_have_their_own_products_and_share_weights():
    one, four = (DynamicFilters(0.5)(net).op("layer2.0.conv1") for net in (RESNET, BATCHED))
    assert (four.b, four.m) == (4, one.m)
    share = 0.5 * (1 - 0.5**3)
    assert one.weight_reads == share
    assert four.weight_reads == pytest.approx(1 - (1 - share) ** 4)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0))
def test_more_filters_never_cost_less(one, other):
    less, more = (DynamicFilters(keep)(RESNET) for keep in sorted((one, other)))
    for op in less.ops:
        if op.kind == "conv":
            assert op.macs <= more.op(op.name).macs * (1 + 1e-12)


@pytest.mark.parametrize(("keep", "left"), [(0.1, 0.40), (0.25, 0.56)])
def test_attention_left_with_its_predictor(keep, left):
    """As computed independently from the released code: c = e / 4, N / 8 rows, a dense basis."""
    net = SparseAttention(keep, reduce_tokens=8, reduce_channels=4)(DEIT)
    assert attention_macs(net) / attention_macs(DEIT) == pytest.approx(left, abs=0.005)


def test_shapes_of_the_predictor():
    net = SparseAttention(0.25)(DEIT)
    a = "blocks.0.attn.attention"
    query, fewer, scores, basis = (net.op(f"{a}.{name}") for name in ("query", "tokens", "scores", "basis"))
    assert (query.m, query.k, query.n) == (6 * 197, 64, 32)
    assert (fewer.m, fewer.k, fewer.n) == (6 * 32, 197, 24)
    assert (scores.b, scores.m, scores.n, scores.k) == (6, 197, 24, 32)
    assert (basis.m, basis.k, basis.n) == (6 * 196, 24, 197)
    assert net.op(a).n == pytest.approx((197 + 196 * 50) / 197)
    assert net.op(a).inputs == ("blocks.0.attn.qkv", f"{a}.basis")


@pytest.mark.parametrize(
    ("name", "shape", "attention", "keys"),
    [("swin_tiny_patch4_window7_224", {}, "layers.0.blocks.0.attn.attention", 5),
     ("whisper-tiny", {"phase": "encode"}, "", 150)],
)  # fmt: skip
def test_without_a_class_token_every_query_has_as_many_keys(name, shape, attention, keys):
    dense = cm.zoo.build(name, **shape)
    net, whole = SparseAttention(0.1)(dense), SparseAttention(0.1, class_tokens=1)(dense)
    at = attention or next(op.name for op in dense.ops if op.kind == "attention")
    tokens = dense.op(at).n
    assert net.op(at).n == keys
    assert net.op(f"{at}.basis").m % tokens == 0
    assert whole.op(at).n == pytest.approx((tokens + (tokens - 1) * keys) / tokens)


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
@settings(max_examples=20, deadline=None)
def test_attending_to_more_never_costs_less(one, other):
    less, more = (SparseAttention(keep)(DEIT) for keep in sorted((one, other)))
    a = "blocks.0.attn.attention"
    assert less.op(a).macs <= more.op(a).macs


def test_causal_and_windowed_attention_stays():
    prefill = cm.zoo.build("llama-3.2-1b", phase="prefill", context=64)
    assert SparseAttention(0.25)(prefill) is prefill


def test_token_pruning_comes_on_top():
    from costmodel.strategies import strategy

    both = strategy("token_pruning:keep=0.5 + sparse_attention:keep=0.1")(DEIT)
    assert sum(op.macs for op in both.ops) < 0.5 * sum(op.macs for op in DEIT.ops)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: DynamicFilters(0.0), r"keep must be in \(0, 1\], got 0.0"),
        (lambda: DynamicFilters(1.1), r"keep must be in \(0, 1\], got 1.1"),
        (lambda: DynamicFilters(0.5, deviation=0.6), "at most the root of keep"),
        (lambda: DynamicFilters(0.5)(cm.training(RESNET)), "is a training pass"),
        (lambda: SparseAttention(0.5)(cm.training(DEIT)), "before the training pass"),
        (lambda: SparseAttention(0.0), r"must be in \(0, 1\], got 0.0"),
        (lambda: SparseAttention(0.5, basis_density=2.0), r"must be in \(0, 1\], got 0.5, 2.0"),
        (lambda: SparseAttention(0.5, reduce_tokens=0), "factors must be at least 1, got reduce_tokens=0"),
        (lambda: SparseAttention(0.5, class_tokens=-2), "class_tokens must be at least 0, or -1 for those joined"),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
