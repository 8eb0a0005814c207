"""Token merging and pruning: tokens a layer, the shapes that follow from them, and what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import TokenMerging, TokenPruning, strategy

DEIT = cm.zoo.build("deit_small_patch16_224", batch=2)
PREFILL = cm.zoo.build("llama-3.2-1b", phase="prefill", context=256)
MIXTRAL = cm.zoo.build("mixtral-8x7b", phase="prefill", context=64)


def _attended(net):
    return [int(op.m) for op in net.ops if op.kind == "attention"]


def test_merging_takes_r_tokens_a_layer_between_attention_and_feed_forward():
    net = TokenMerging(8)(DEIT)
    assert _attended(net) == [197 - 8 * i for i in range(12)]
    assert net.op("blocks.0.attn.proj").m == 2 * 197
    assert net.op("blocks.0.mlp.fc1").m == 2 * 189
    assert net.op("blocks.0.mlp_residual").inputs[0] == "blocks.0.attn_residual.merge"
    assert net.op("head").m == 2


def test_merging_stops_at_half_of_what_is_not_protected():
    assert _attended(TokenMerging(1000)(DEIT))[:4] == [197, 99, 50, 26]


def test_matching_multiplies_one_half_of_the_keys_with_the_other():
    op = TokenMerging(8)(DEIT).op("blocks.0.attn_residual.merge")
    assert (op.b, op.m, op.n, op.k) == (2, 99, 98, 64)


def test_pruning_keeps_the_class_token_and_may_add_one():
    assert _attended(TokenPruning(0.5)(DEIT)) == [197] * 4 + [99] * 3 + [50] * 3 + [26] * 2
    assert _attended(TokenPruning(0.5, fuse=True)(DEIT))[4] == 100
    assert _attended(TokenPruning(0.5, place="block")(DEIT))[2:4] == [197, 99]


def test_a_prefill_caches_and_multiplies_less():
    net = TokenPruning(0.5, at=(7,))(PREFILL)
    last, first = net.op("model.layers.15.self_attn.attention"), net.op("model.layers.0.self_attn.attention")
    assert last.m == last.heads.keys == 129
    assert first.m == 256
    assert last.kv_elements == 0 or last.kv_elements < first.kv_elements
    assert last.mask_density == pytest.approx((129 + 1) / (2 * 129))
    assert net.op("lm_head") == PREFILL.op("lm_head")


@pytest.mark.parametrize("spelled", ["lazy_llm", "token_pruning:keep=0.5", "token_merging:r=8"])
def test_tokens_leave_below_a_window_and_not_above_it(spelled):
    """Mistral's is 4096: below it nothing tells its layers from those of a model without one."""
    short, long = (cm.zoo.build("mistral-7b", phase="prefill", context=n) for n in (1024, 4097))
    unwindowed = short.map(lambda op: replace(op, heads=replace(op.heads, window=0.0)))
    found, expected = (strategy(spelled)(net) for net in (short, unwindowed))
    assert sum(op.macs for op in found.ops) == sum(op.macs for op in expected.ops) < sum(op.macs for op in short.ops)
    with pytest.raises(ValueError, match=r"attends to all 4097: .*attention has a window of 4096"):
        strategy(spelled)(long)


def test_fewer_tokens_reach_fewer_experts():
    net = TokenPruning(0.25, at=(0,))(MIXTRAL)
    name = next(op.name for op in MIXTRAL.ops if op.kind == "experts")
    before, after = MIXTRAL.op(name), net.op(name)
    assert after.b <= before.b
    assert after.b * after.m == pytest.approx(2 * (1 + 16))
    assert after.weight_elements == before.weight_elements


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.integers(0, 20), st.floats(0.05, 1.0))
def test_less_tokens_never_cost_more(r, more, keep):
    def macs(net):
        return sum(op.macs for op in net.ops if not op.name.endswith(".merge"))

    assert macs(TokenMerging(r + more)(DEIT)) <= macs(TokenMerging(r)(DEIT)) <= macs(DEIT)
    assert macs(TokenPruning(keep)(DEIT)) <= macs(DEIT)
    assert sum(op.params for op in TokenPruning(keep)(DEIT).ops) == sum(op.params for op in DEIT.ops)


def test_on_a_gpu_a_large_batch_gains():
    net = cm.zoo.build("deit_base_patch16_224", batch=64)
    dense, fewer = (
        cm.estimate(n, "bf16", cm.gpu("a100_sxm")).totals["latency_s"] for n in (net, TokenMerging(16)(net))
    )
    assert 0.4 < fewer / dense < 0.85


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TokenMerging(-1), "r and protected must be at least 0, got r=-1"),
        (lambda: TokenPruning(0.0), r"keep must be in \(0, 1\], got 0.0"),
        (lambda: TokenPruning(1.2), r"keep must be in \(0, 1\], got 1.2"),
        (lambda: TokenPruning(0.5, place="later"), "place must be one of attention, block, got 'later'"),
        (lambda: TokenPruning(0.5, at=()), "at least 0, got at="),
        (lambda: TokenPruning(0.5, at=(12,))(DEIT), "has layers 0 to 11, got 12"),
        (lambda: TokenMerging(8)(cm.zoo.build("resnet18")), "a network without attention"),
        (lambda: TokenMerging(8)(cm.training(DEIT)), "a training pass"),
        (lambda: TokenMerging(8)(cm.zoo.build("swin_tiny_patch4_window7_224")), "every layer attends to all"),
        (
            lambda: TokenMerging(8)(cm.zoo.build("llama-3.2-1b", phase="decode", context=9)),
            "a decode, of a token at a time",
        ),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
