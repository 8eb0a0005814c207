"""Pruned weights whose zeros are multiplied: laws over devices, precisions, shapes and densities."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import gpu_latency, profiled_calls, sparse_pipe, traffic
from costmodel.estimators.gemm_latency import OTHER_FAMILY
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.strategies.unstructured_sparsity import UnstructuredSparsity
from costmodel.workload.ops import conv, experts, linear

SPELLINGS = ("bf16", "fp16", "fp32", "w8a8", "w8a16", "int4_g128/bf16", "nf4/bf16", "fp8_e4m3", "mxfp8/mxfp8")
NAMES = ("a100_sxm", "l40s", "h100_sxm", "h100_sxm:trtllm", "h100_sxm:torch", "h200_sxm", "b200_sxm", "v100_sxm", "l4")
PAIRS = [
    (cm.gpu(name), cm.precision(spelling))
    for name in NAMES
    for spelling in SPELLINGS
    if cm.gpu(name).peak_flops.of(cm.precision(spelling).math_pipe) > 0
]
SIZES = st.sampled_from([64, 128, 512, 1024, 4096, 14336])
OPS = st.one_of(
    st.builds(
        lambda m, k, n: linear("fc", m, k, n, bias=False), st.sampled_from([1, 3, 16, 64, 300, 2048, 8192]), SIZES,
        SIZES,
    ),
    st.builds(
        lambda b, c, n, s: conv("c", b, c, n, input_size=(s, s), kernel=(3, 3), padding=(1, 1)),
        st.sampled_from([1, 32]), st.sampled_from([64, 512]), st.sampled_from([64, 512]), st.sampled_from([14, 56]),
    ),
    st.builds(
        lambda m, k, n: experts("e", m, k, n, experts=8, experts_per_token=2), st.sampled_from([1, 64, 2048]), SIZES,
        SIZES,
    ),
)  # fmt: skip
DENSITIES = st.floats(0.01, 0.99)


def predict(op, pair):
    return gpu_latency.predict(op, pair[1], pair[0])


def kept(op, density, index_bits=0.0):
    return replace(op, weight_density=density, index_bits=index_bits)


@given(OPS, st.sampled_from(PAIRS))
def test_nearly_all_weights_take_as_long_as_all_of_them(op, pair):
    dense, nearly = predict(op, pair), predict(kept(op, 1 - 1e-9), pair)
    assert float(nearly.latency_s) == pytest.approx(float(dense.latency_s), rel=1e-6)
    assert str(dense.bound) in {str(nearly.bound), "memory"}


@given(OPS, st.sampled_from(PAIRS), DENSITIES, DENSITIES, st.sampled_from([0.0, 1.0, 16.0]))
def test_fewer_bytes_are_never_slower(op, pair, one, other, index_bits):
    less, more = (predict(kept(op, d, index_bits), pair).latency_s for d in sorted((one, other)))
    assert float(less) <= float(more) * (1 + 1e-9)


@given(OPS, st.sampled_from(PAIRS), DENSITIES, st.sampled_from([0.0, 1.0, 16.0]))
def test_what_arithmetic_bounds_is_never_quicker(op, pair, density, index_bits):
    dense, sparse = predict(op, pair), predict(kept(op, density, index_bits), pair)
    if dense.bound == "compute":
        assert float(sparse.latency_s) >= float(dense.latency_s) * (1 - 1e-12)
    fewer = density * (float(pair[1].weight.bits_per_element) + index_bits) <= float(pair[1].weight.bits_per_element)
    if fewer:
        assert float(sparse.latency_s) <= float(dense.latency_s) * (1 + 1e-9)


@given(OPS, st.sampled_from(PAIRS), DENSITIES)
def test_nobody_measured_it_and_the_interval_has_room(op, pair, density):
    found = predict(kept(op, density), pair)
    amid_s = gpu_latency.AMID_S if profiled_calls.apart(pair[0]) else 0.0
    low_s, latency_s, high_s = (float(x) - amid_s for x in (found.low_s, found.latency_s, found.high_s))
    assert str(found.how).startswith(("transferred (zeros multiplied", "spec (zeros multiplied"))
    low, high = np.exp(OTHER_FAMILY)
    assert low_s <= latency_s * low * (1 + 1e-9)
    assert high_s >= latency_s * high * (1 - 1e-9)
    assert found.correlation >= 1.0


@given(OPS, st.sampled_from(PAIRS))
def test_two_of_four_are_never_slower_than_the_dense_weights_that_take_more_bytes(op, pair):
    sparse = NMSparsity(2, 4).prune(op)
    found = predict(sparse, pair)
    measured = str(found.how).startswith("calibrated")
    if not measured and traffic.weight_bytes(sparse, pair[1]) <= traffic.weight_bytes(op, pair[1]):
        assert float(found.latency_s) <= float(predict(op, pair).latency_s) * (1 + 1e-9)


def test_a_sparse_pipe_is_taken_where_it_is_faster():
    op, device = NMSparsity(2, 4).prune(linear("fc", 8192, 8192, 8192, bias=False)), cm.gpu("a100_sxm")
    assert sparse_pipe.speedup(op, "bf16", device) == 2
    assert "sparse pipe" in str(predict(op, (device, cm.precision("bf16"))).how)


@pytest.mark.parametrize(("device", "spelling"), [("l40s", "bf16"), ("h100_sxm", "bf16"), ("a100_sxm", "w8a8")])
def test_leaving_out_a_thousandth_of_the_weights_costs_its_bytes_alone(device, spelling):
    prefill = cm.prefill(cm.zoo.llama("3.1-8b"), batch=4, context=2048)
    decode = cm.decode(cm.zoo.llama("3.1-8b"), batch=8, context=2048)
    for workload, most in ((prefill, 1.002), (decode, 1.13)):
        nets = (workload, UnstructuredSparsity(0.999)(workload))
        dense, sparse = (cm.estimate(net, spelling, cm.gpu(device)).totals for net in nets)
        assert 1 <= sparse["latency_s"] / dense["latency_s"] < most
        assert sparse["latency_high_s"] > 2 * dense["latency_s"]
