"""Filter pruning: what goes with a filter, what stays, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import FilterPruning, left_dense, strategy
from costmodel.strategies._channels import Channels

RESNET, MOBILENET, VIT = (cm.zoo.build(n) for n in ("resnet18", "mobilenetv3_large_100", "deit_tiny_patch16_224"))


def _products(net):
    return [op for op in net.ops if op.kind in ("conv", "linear")]


def test_a_removed_filter_takes_its_norm_its_readers_inputs_and_what_it_is_added_to():
    net = FilterPruning(by_layer=("layer2.*=0.5",))(RESNET)
    before = {op.name: op for op in RESNET.ops}
    inner, outer, reader = net.op("layer2.0.conv1"), net.op("layer2.0.conv2"), net.op("layer3.0.conv1")
    assert (inner.n, outer.k, outer.n, reader.k) == (64, 64 * 9, 64, 64 * 9)
    assert net.op("layer2.1.add").output_elements == before["layer2.1.add"].output_elements / 2
    assert net.op("layer2.0.bn1").vector_elements == 128
    assert net.op("layer2.0.downsample.0").n == 64
    untouched = [op.name for op in net.ops if op == before[op.name]]
    assert "layer1.1.conv2" in untouched
    assert "layer3.0.conv2" in untouched
    assert "fc" in untouched


def test_layers_tied_by_a_sum_keep_the_largest_fraction():
    net = FilterPruning(by_layer=("layer2.0.conv2=0.25", "layer2.1.conv2=0.75", "layer2.0.downsample.0=0.5"))(RESNET)
    assert {net.op(f"layer2.{name}").n for name in ("0.conv2", "1.conv2", "0.downsample.0")} == {96}


def test_one_tied_layer_left_whole_keeps_all():
    assert FilterPruning(by_layer=("layer2.0.conv2=0.25",))(RESNET).ops == RESNET.ops


def test_classes_heads_and_the_image_stay():
    net = FilterPruning(0.25)(VIT)
    assert net.op("head").n == 1000
    assert net.op("blocks.0.attn.qkv").n == 576
    assert net.op("blocks.0.mlp.fc1").n == 192
    assert net.op("patch_embed.proj").k == 768
    assert net.op("pos_embed").vector_elements == 197 * 48


def test_depthwise_convolutions_and_gates_follow():
    net = FilterPruning(0.5)(MOBILENET)
    depthwise = [op for op in net.ops if op.kind == "conv" and op.b > 1]
    assert depthwise
    assert all(op.weight_elements == op.b * op.k and op.n == 1 for op in depthwise)


def _inner(net, name, **shape):
    found = {op.name: op for op in FilterPruning(0.5)(cm.zoo.build(net, **shape)).ops}
    return [found[each] for each in name]


def test_a_gate_and_its_value_of_one_layer_lose_channels_in_pairs():
    """OpenELM's inner width of 1024 and ViG's of 512 are halved, in the layer that makes both and what reads them."""
    both, act, gate, down = _inner(
        "openelm-270m", [f"transformer.layers.1.ffn.{part}" for part in ("proj_1", "act", "act.gate", "proj_2")],
        phase="prefill", context=16,
    )  # fmt: skip
    assert (both.n, down.k, act.output_elements, gate.output_elements) == (1024, 512, 16 * 512, 16 * 512)
    assert both.weight_elements == 1280 * 1024
    both, gate, down = _inner("vig_tiny", [f"blocks.1.mlp.{part}" for part in ("gate_proj", "swiglu", "down_proj")])
    assert (both.n, down.k, gate.output_elements) == (512, 256, 196 * 256)
    odd = FilterPruning(by_layer=("*.gate_proj=0.3",))(cm.zoo.build("vig_tiny"))
    assert (odd.op("blocks.1.mlp.gate_proj").n, odd.op("blocks.1.mlp.down_proj").k) == (2 * 153, 153)


@pytest.mark.parametrize(
    ("net", "width"), [("mixtral-8x7b", 14336), ("qwen3-30b-a3b", 768), ("deepseek-v2-lite", 1408)]
)
def test_experts_lose_channels_alike(net, width):
    base = cm.zoo.build(net, phase="prefill", context=16)
    both, down = _inner(
        net, [f"model.layers.1.mlp.experts.{part}_proj" for part in ("gate_up", "down")], phase="prefill", context=16
    )
    assert (both.n, down.k) == (width, width / 2)
    before = [base.op(op.name) for op in (both, down)]
    assert [op.weight_elements for op in (both, down)] == [op.weight_elements / 2 for op in before]
    assert [(op.b, op.m, op.weight_reads) for op in (both, down)] == [(op.b, op.m, op.weight_reads) for op in before]
    assert both.input_elements == before[0].input_elements
    assert down.output_elements == before[1].output_elements


def test_channels_go_before_experts_leave_memory():
    net = cm.zoo.build("mixtral-8x7b", phase="decode", context=16)
    with pytest.raises(ValueError, match="channels change before experts leave memory, model"):
        strategy("edge_moe:cached=4 + filter_pruning:keep=0.5")(net)
    loads = [strategy(s)(net).op("model.layers.0.mlp.experts.gate_up_proj.load").output_elements
             for s in ("edge_moe:cached=4", "filter_pruning:keep=0.5 + edge_moe:cached=4")]  # fmt: skip
    assert loads[1] == loads[0] / 2


def test_layers_that_keep_all_their_filters_are_told():
    """Of GPT-2's 124e6 weights those of attention, of the head and of what adds to the residual sum with its tables."""
    half, gpt2 = FilterPruning(0.5), cm.zoo.build("gpt2", phase="prefill", context=16)
    ((spelled, share, why),) = left_dense(half, gpt2)
    assert spelled == "filter_pruning:keep=0.5"
    head = 50257 * 768
    assert share == pytest.approx((12 * 8 * 768**2 + head) / (12 * 12 * 768**2 + head))
    assert "attention" in why
    assert left_dense(half, RESNET) == ()


def test_grouped_convolutions_and_what_they_read_keep_their_filters_and_it_is_told():
    net = cm.zoo.build("regnety_004")
    pruned = FilterPruning(0.5)(net)
    ((_, share, why),) = left_dense(FilterPruning(0.5), net)
    kept = [op for op in _products(net) if pruned.op(op.name).n == op.n]
    assert any(op.b > 1 for op in kept)
    assert share == pytest.approx(
        sum(op.weight_elements for op in kept) / sum(op.weight_elements for op in _products(net))
    )
    assert share > 0.5
    assert "a grouped convolution" in why


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 1.0), st.sampled_from([1, 4, 8]), st.sampled_from([RESNET, MOBILENET, VIT]))
def test_shapes_stay_those_of_a_network(keep, multiple, net):
    pruned = FilterPruning(keep, multiple=multiple)(net)
    channels = Channels(pruned)
    for i, op in enumerate(pruned.ops):
        if op.kind in ("conv", "linear"):
            assert op.weight_elements == op.b * op.n * op.k
            assert float(op.n).is_integer()
            assert float(op.k).is_integer()
            read = channels.size.get(channels.read(i))
            assert read is None or op.b > 1 or op.k % read == 0
    assert sum(op.params for op in pruned.ops) <= sum(op.params for op in net.ops)
    assert sum(op.macs for op in pruned.ops) <= sum(op.macs for op in net.ops)


@given(st.floats(0.02, 1.0), st.floats(0.02, 1.0))
@settings(max_examples=20, deadline=None)
def test_keeping_more_never_costs_less(one, other):
    less, more = (FilterPruning(keep)(RESNET) for keep in sorted((one, other)))
    assert all(a.macs <= b.macs for a, b in zip(less.ops, more.ops, strict=True))


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.5])
def test_bad_ratios_are_one_line(keep):
    with pytest.raises(ValueError, match=r"keep ratio must be in \(0, 1\], got"):
        FilterPruning(keep)
    with pytest.raises(ValueError, match=r"keep ratio must be in \(0, 1\], got"):
        FilterPruning(by_layer=(f"conv1={keep}",))


def test_other_bad_input_is_one_line():
    with pytest.raises(ValueError, match='"glob=ratio", got'):
        FilterPruning(by_layer=("conv1",))
    with pytest.raises(ValueError, match="multiple must be at least 1"):
        FilterPruning(multiple=0)
    with pytest.raises(ValueError, match="before the training pass"):
        FilterPruning(0.5)(cm.training(RESNET))
