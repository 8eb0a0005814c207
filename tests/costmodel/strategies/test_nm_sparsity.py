"""N:M sparsity: what it touches, what it stores, and what a sparse pipe makes of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import gpu_latency, roofline, traffic
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload.ops import conv, embedding, linear

A100, V100 = cm.gpu("a100_sxm"), cm.gpu("v100_sxm")
LARGE = linear("fc", 8192, 8192, 8192, bias=False)
TWO_OF_FOUR = NMSparsity(n=2, m=4)


def test_it_touches_dense_layers_whose_depth_is_a_multiple():
    net = cm.zoo.build("mobilenetv3_large_100")
    sparse = TWO_OF_FOUR(net)
    pruned = [op for op in sparse.ops if op.weight_density < 1]
    assert {op.kind for op in pruned} == {"conv", "linear"}
    assert all(op.k % 4 == 0 for op in pruned)
    assert [op.name for op in sparse.ops] == [op.name for op in net.ops]
    untouched = [op for op, before in zip(sparse.ops, net.ops, strict=True) if op == before]
    assert {op.k for op in untouched if op.kind == "conv"} == {9, 25, 27}, "depthwise, and the stem's three channels"
    assert not TWO_OF_FOUR.touches(embedding("table", 4, 100, 64))
    assert not TWO_OF_FOUR.touches(replace(LARGE, weight_density=0.3))
    with pytest.raises(ValueError, match="fc of sparse is sparse already"):
        TWO_OF_FOUR(cm.Workload("sparse", (replace(LARGE, weight_density=0.3),)))


def test_globs_name_the_layers():
    net = cm.zoo.build("resnet18")
    sparse = NMSparsity(2, 4, layers=("layer3.*", "fc"))(net)
    assert {op.name.split(".")[0] for op in sparse.ops if op.weight_density < 1} == {"layer3", "fc"}


def test_all_kept_changes_nothing():
    net = cm.zoo.build("resnet18")
    assert NMSparsity(4, 4)(net) is net


@pytest.mark.parametrize(("n", "m"), [(0, 4), (5, 4), (-1, 2)])
def test_bad_patterns_are_one_line(n, m):
    with pytest.raises(ValueError, match=f"0 < n <= m must hold, got n={n}, m={m}"):
        NMSparsity(n, m)


@given(st.integers(1, 16), st.sampled_from([2, 4, 8, 16]), st.sampled_from(["w4a16", "w8a8", "bf16", "int4_g128/bf16"]))
def test_fewer_kept_weights_never_take_more_bytes_or_products(n, m, spelling):
    n = min(n, m)
    used = cm.precision(spelling)
    less, more = (NMSparsity(kept, m).prune(LARGE) for kept in (n, min(n + 1, m)))
    assert traffic.weight_bytes(less, used) <= traffic.weight_bytes(more, used)
    assert less.macs <= more.macs


def test_two_of_four_runs_on_its_pipe_where_there_is_one():
    sparse, used = TWO_OF_FOUR.prune(LARGE), cm.precision("fp16")
    assert roofline.compute_s(LARGE, used, A100) == pytest.approx(2 * roofline.compute_s(sparse, used, A100))
    assert roofline.compute_s(LARGE, used, V100) == roofline.compute_s(sparse, used, V100)
    dense_s, sparse_s = (gpu_latency.predict(op, used, A100).latency_s for op in (LARGE, sparse))
    assert 1.3 < dense_s / sparse_s < 2.1
    assert str(gpu_latency.predict(sparse, used, A100).how) == "transferred (sparse pipe; bfloat16 of a100_sxm)"
    assert "zeros multiplied" in str(gpu_latency.predict(sparse, used, V100).how)


def test_other_patterns_and_pipes_multiply_zeros():
    for pattern, spelling in ((NMSparsity(4, 8), "bf16"), (NMSparsity(3, 4), "bf16"), (TWO_OF_FOUR, "fp32")):
        op, used = pattern.prune(LARGE), cm.precision(spelling)
        assert roofline.compute_s(op, used, A100) == roofline.compute_s(LARGE, used, A100)
        assert "zeros multiplied" in str(gpu_latency.predict(op, used, A100).how)


def test_a_sparse_decoder_is_faster_where_weights_are_the_traffic():
    decode = cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=128)
    dense, sparse = (cm.estimate(net, "bf16", A100) for net in (decode, TWO_OF_FOUR(decode)))
    assert 0.55 < sparse.totals["latency_s"] / dense.totals["latency_s"] < 0.75
    assert sparse.totals["latency_low_s"] < sparse.totals["latency_s"] < sparse.totals["latency_high_s"]
    assert sparse.latency_sources["transferred"] > 0.8
    assert sparse.totals["roofline_s"] < sparse.totals["latency_s"]
    assert np.isfinite(sparse.columns["latency_s"]).all()


def test_a_conv_is_pruned_within_its_patch():
    op = conv("c", 1, 64, 64, input_size=(56, 56), kernel=(3, 3))
    assert TWO_OF_FOUR.prune(op).weight_density == 0.5
    sparse, dense = (gpu_latency.predict(o, cm.precision("w8a8"), A100) for o in (TWO_OF_FOUR.prune(op), op))
    assert sparse.latency_s <= dense.latency_s
