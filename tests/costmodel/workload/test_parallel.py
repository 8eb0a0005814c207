"""What one GPU runs of a pass: nothing is lost, nothing is run twice that need not be."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.workload.parallel import data_parallel, in_turn, pipeline_parallel, tensor_parallel
from costmodel.workload.serving import forward

DECODERS = ("llama-3.2-1b", "gpt2", "opt-125m", "qwen3-0.6b", "mixtral-8x7b", "deepseek-v2-lite", "whisper-tiny")


def macs(net):
    return sum(op.macs for op in net.ops)


def weights(net):
    return sum(op.weight_elements for op in net.ops)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
@pytest.mark.parametrize("name", DECODERS)
def test_two_gpus_run_half_of_the_products_each_and_sum_twice_a_layer(name, phase):
    net = cm.zoo.build(name, phase=phase, batch=4, context=256)
    part = tensor_parallel(net, 2)
    assert macs(part) == pytest.approx(macs(net) / 2, rel=0.05), "routers, latents and convolutions run whole"
    assert weights(part) == pytest.approx(weights(net) / 2, rel=0.04), "tables of positions are kept whole"
    kinds = [op.kind for op in part.ops]
    attentions = [op for op in net.ops if op.kind == "attention"]
    assert kinds.count("all_reduce") >= 2 * len(attentions) - len(attentions) // 2
    assert kinds.count("all_gather") == 1, "the logits"
    assert cm.estimate(part, cm.W16A16, cm.gpu("a100_sxm")).totals["latency_s"] > 0


def test_a_decoder_sums_after_attention_after_its_mlp_and_after_its_table():
    part = tensor_parallel(cm.decode(cm.zoo.llama("3.1-8b")), 4)
    summed = [op.name for op in part.ops if op.kind == "all_reduce"]
    assert summed[:3] == [
        "model.embed_tokens.all_reduce",
        "model.layers.0.self_attn.o_proj.all_reduce",
        "model.layers.0.mlp.down_proj.all_reduce",
    ]
    assert len(summed) == 1 + 2 * 32
    assert part.op("model.layers.0.attn_residual").inputs[-1] == "model.layers.0.self_attn.o_proj.all_reduce"


def test_heads_and_their_cache_are_divided_until_each_gpu_has_one_key_head():
    net = cm.decode(cm.zoo.llama("3.2-1b"), batch=2, context=100)
    whole = net.op("model.layers.0.self_attn.attention")
    for degree, kept in ((2, 4), (8, 1), (16, 1)):
        part = tensor_parallel(net, degree).op("model.layers.0.self_attn.attention")
        assert part.b == whole.b / degree
        assert part.heads.kv_heads == kept
        assert part.kv_elements == whole.kv_elements * kept / 8


def test_an_experts_layer_sums_once_what_its_tokens_took():
    net = cm.decode(cm.zoo.mixtral("8x7b"), batch=3)
    part = tensor_parallel(net, 2)
    summed = part.op("model.layers.0.mlp.experts.down_proj.all_reduce")
    assert summed.output_elements == 3 * 4096, "not the two experts of each token apart"
    assert part.op("model.layers.0.mlp.gate") == net.op("model.layers.0.mlp.gate"), "each GPU routes for itself"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["llama-3.2-1b", "gpt2", "opt-125m"]), st.sampled_from([1, 2, 3, 4, 6, 8]))
def test_stages_together_are_the_network(name, stages):
    net = cm.zoo.build(name, phase="prefill", context=64)
    layers = sum(op.kind == "attention" for op in net.ops)
    if layers % stages:
        with pytest.raises(ValueError, match=f"{stages} stages do not divide the {layers} layers of {name}"):
            pipeline_parallel(net, stages)
        return
    parts = [pipeline_parallel(net, stages, i) for i in range(stages)]
    own = [op.name for part in parts for op in part.ops if op.kind != "send"]
    assert own == [op.name for op in net.ops]
    assert sum(macs(part) for part in parts) == pytest.approx(macs(net))
    assert [sum(op.kind == "send" for op in part.ops) for part in parts] == [0] + [1] * (stages - 1)


def test_a_stage_trains_what_it_received_and_sends_its_gradient_back():
    net = forward(cm.zoo.gpt("2"), 1, 64)
    step = cm.training(pipeline_parallel(net, 4, 2))
    sent = [op for op in step.ops if op.kind == "send"]
    assert [op.name for op in sent] == ["stage.receive", "stage.receive.grad_input"]
    assert {op.output_elements for op in sent} == {64 * 768}
    whole = cm.training(net)
    parts = [cm.training(pipeline_parallel(net, 4, i)) for i in range(4)]
    assert sum(macs(part) for part in parts) == pytest.approx(macs(whole))


def test_replicas_share_the_batch():
    for name, phase in (("resnet18", "forward"), ("deit_tiny_patch16_224", "forward"), ("gpt2", "decode")):
        net, small = (cm.zoo.build(name, batch=batch, phase=phase) for batch in (8, 2))
        part = data_parallel(net, 4)
        assert part.batch == 2
        assert [op.macs for op in part.ops] == pytest.approx([op.macs for op in small.ops])
        assert [op.output_elements for op in part.ops if op.kind != "embedding"] == pytest.approx(
            [op.output_elements for op in small.ops if op.kind != "embedding"]
        )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: tensor_parallel(cm.decode(cm.zoo.llama("3.2-1b")), 3), "3 GPUs do not divide the 2048 outputs of"),
        (lambda: tensor_parallel(cm.decode(cm.zoo.qwen("2.5-0.5b")), 7), "7 GPUs do not divide the 128 outputs"),
        (lambda: tensor_parallel(cm.zoo.build("resnet18"), 2), "needs attention to split by heads, resnet18 has none"),
        (lambda: tensor_parallel(cm.training(forward(cm.zoo.gpt("2"), 1, 8)), 2), "make gpt2's training pass of the"),
        (lambda: tensor_parallel(cm.decode(cm.zoo.gpt("2"), 1, 8), 0), "tensor parallelism needs .* at least 1, got 0"),
        (
            lambda: cm.strategies.strategy("parallel:tensor=2 + parallel:tensor=2")(cm.decode(cm.zoo.gpt("2"), 1, 8)),
            "gpt2 is shared between GPUs already, as .*.all_reduce says: share it once, by more GPUs",
        ),
        *(
            (
                lambda stage=stage: pipeline_parallel(in_turn(cm.decode(cm.zoo.gpt("2"), 1, 8), 2, stage), 2),
                f"gpt2 is a stage already, as {says} says: cut it once, into more stages",
            )
            for stage, says in ((0, "transformer.h.0.ln_1"), (1, "stage.receive"))
        ),
        (lambda: pipeline_parallel(cm.zoo.build("resnet18"), 2), "needs a stack of numbered layers, resnet18 has none"),
        (lambda: pipeline_parallel(cm.decode(cm.zoo.gpt("2"), 1, 8), 4, 4), r"stage must be within -4..3, got 4"),
        (lambda: data_parallel(cm.zoo.build("resnet18", batch=4), 3), "3 replicas do not divide a batch of 4"),
        (lambda: data_parallel(cm.decode(cm.zoo.mixtral("8x7b"), 4), 2), "build it at the smaller batch"),
        (lambda: cm.strategies.Parallel(tensor=1.5), "whole number of GPUs of at least 1, got 1.5"),
    ],
)
def test_what_cannot_be_shared_is_told_in_a_line(make, says):
    with pytest.raises(ValueError, match=says) as told:
        make()
    assert "\n" not in str(told.value)


def test_more_gpus_never_need_more_memory_each():
    net = cm.decode(cm.zoo.llama("3.1-8b"), batch=16, context=1024)
    device = cm.gpu("h100_sxm")
    found = [cm.estimate(tensor_parallel(net, n), cm.W16A16, device).totals for n in (1, 2, 4, 8)]
    assert all(more["footprint_bytes"] < less["footprint_bytes"] for less, more in pairwise(found))
    assert found[3]["latency_s"] < found[0]["latency_s"]


def test_a_width_is_divided_or_refused_and_a_vocabulary_padded():
    with pytest.raises(ValueError, match="tensor parallelism: 3 GPUs do not divide the 1000 outputs of head"):
        tensor_parallel(cm.zoo.build("vit_tiny_patch16_224"), 3)
    net = cm.zoo.build("gpt2", phase="decode", context=8)
    assert tensor_parallel(net, 4).op("lm_head").n == 12565
    wide = net.map(lambda op: replace(op, n=1024.0), lambda op: op.name.endswith("0.mlp.c_fc"))
    with pytest.raises(ValueError, match=r"3 GPUs do not divide the 1024 outputs of transformer.h.0.mlp.c_fc"):
        tensor_parallel(wide, 3)  # as many as positions, which are no words
    assert all(op.n == int(op.n) for op in tensor_parallel(net, 4).ops)
