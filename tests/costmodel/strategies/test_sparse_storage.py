"""Unstructured and block sparsity: what is stored, and the density below which it pays, against bisection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import roofline, traffic
from costmodel.record import stack
from costmodel.strategies import BlockSparsity, UnstructuredSparsity
from costmodel.strategies.unstructured_sparsity import KERNELS, density_that_pays
from costmodel.workload.ops import conv, linear

A100 = cm.gpu("a100_sxm")
DEVICES = ("a100_sxm", "h100_sxm", "l40s", "t4", "jetson_orin")
SMALL, LARGE = linear("fc", 1, 4096, 4096, bias=False), linear("fc", 4096, 4096, 4096, bias=False)


def test_a_bitmask_costs_a_bit_a_weight_and_csr_an_index_a_kept_one():
    dense = 4096 * 4096
    masked, rows = UnstructuredSparsity(0.25).prune(SMALL), UnstructuredSparsity(0.25, "csr", 16).prune(SMALL)
    assert traffic.weight_bytes(masked, cm.W16A16) == dense * (0.25 * 16 + 1) / 8
    assert traffic.weight_bytes(rows, cm.W16A16) == dense * (0.25 * (16 + 16) + 32 / 4096) / 8
    narrow = UnstructuredSparsity(0.25, "csr").prune(SMALL)
    assert narrow.index_bits == 12 + 32 / 4096 / 0.25


def test_zeros_are_multiplied_but_not_counted_as_useful():
    op = UnstructuredSparsity(0.25).prune(LARGE)
    assert op.macs == LARGE.macs / 4
    assert op.executed_macs == LARGE.executed_macs


def test_blocks_are_skipped():
    op = BlockSparsity(0.25, block=32).prune(LARGE)
    assert (op.k, op.weight_elements, op.weight_density) == (1024, 4096 * 1024, 1)
    assert op.executed_macs == LARGE.executed_macs / 4
    assert op.index_bits == pytest.approx((7 + 32 / 128 / 0.25) / 32**2)
    assert roofline.latency_s(op, cm.W16A16, A100) == pytest.approx(roofline.latency_s(LARGE, cm.W16A16, A100) / 4)


def test_layers_that_no_block_divides_stay_dense():
    net = cm.zoo.build("resnet18")
    pruned = BlockSparsity(0.5, block=64)(net)
    assert pruned.op("conv1") == net.op("conv1")
    assert pruned.op("fc") == net.op("fc")
    assert pruned.op("layer2.0.conv1").k == 256


def _pays(op, sparse, precision, device, kernel, efficiency):
    """Whether the sparse op's roofline is below the dense one's, term by term as a kernel would run it."""
    compute = roofline.compute_s(op, precision, device)
    vector = 2 * op.executed_macs / device.peak_flops.vector
    density = sparse.weight_density
    products = {"dense": compute, "skip": vector * density, "blocks": compute * density}[kernel] / efficiency
    memory = roofline.memory_s(sparse, precision, device)
    return max(products, memory, roofline.vector_s(op, device)) < roofline.latency_s(op, precision, device)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DEVICES),
    st.sampled_from(["bf16", "w4a16", "w8a8"]),
    st.sampled_from(KERNELS),
    st.sampled_from(["bitmask", "csr", "coo"]),
    st.integers(1, 4096),
    st.sampled_from([256, 1024, 5000]),
    st.floats(0.3, 1.0),
)
def test_it_pays_just_below_the_density_solved_for_and_not_above(name, spelled, kernel, storage, rows, k, efficiency):
    device, op, precision = cm.gpu(name), linear("fc", rows, k, 512, bias=False), cm.precision(spelled)
    if np.isnan(device.flops_per_s(precision)):
        return
    found = density_that_pays(op, precision, device, storage=storage, kernel=kernel, efficiency=efficiency)
    assert 0 <= found <= 1
    for density, expected in ((found * (1 - 1e-6), True), (found * (1 + 1e-6), False)):
        if 1e-9 < density < 1:
            sparse = UnstructuredSparsity(density, storage).prune(op)
            assert _pays(op, sparse, precision, device, kernel, efficiency) == expected
    if found == 0:
        sparse = UnstructuredSparsity(1e-6, storage).prune(op)
        assert not _pays(op, sparse, precision, device, kernel, efficiency)


def test_a_bitmask_pays_below_fifteen_sixteenths_where_weights_are_the_traffic():
    assert density_that_pays(SMALL, cm.W16A16, A100) == pytest.approx(15 / 16)
    assert density_that_pays(SMALL, cm.W4A16, A100, storage="csr", index_width=16) == pytest.approx(0.2, abs=1e-3)
    assert density_that_pays(LARGE, cm.W16A16, A100) == 0
    assert density_that_pays(LARGE, cm.W16A16, A100, kernel="skip") == pytest.approx(19.5 / 312, rel=0.01)
    assert density_that_pays(LARGE, cm.W16A16, A100, kernel="blocks", block=32) == 1
    assert density_that_pays(LARGE, cm.W16A16, A100, kernel="blocks", block=32, efficiency=0.5) == pytest.approx(0.5)


def test_it_takes_batches():
    ops = stack([SMALL, LARGE])
    found = density_that_pays(ops, cm.W16A16, A100, kernel="skip")
    assert found.shape == (2,)
    assert found[1] == density_that_pays(LARGE, cm.W16A16, A100, kernel="skip")


def test_a_pruned_decoder_gains_what_it_does_not_read():
    decode = cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=128)
    times = [cm.estimate(s(decode), "bf16", A100).totals["latency_s"] for s in map(UnstructuredSparsity, (1.0, 0.5))]
    assert 0.5 < times[1] / times[0] < 0.8


@given(st.floats(0.01, 1.0), st.sampled_from([8, 16, 32]))
def test_blocks_never_store_or_multiply_more(density, block):
    op = conv("c", 1, 64, 64, input_size=(14, 14), kernel=(3, 3))
    pruned = BlockSparsity(density, block=block).prune(op)
    assert pruned.params <= op.params
    assert pruned.macs <= op.macs


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: UnstructuredSparsity(0.0), r"density must be in \(0, 1\], got 0.0"),
        (lambda: UnstructuredSparsity(1.5), r"density must be in \(0, 1\], got 1.5"),
        (lambda: UnstructuredSparsity(0.5, "ellpack"), "storage must be one of bitmask, csr, coo.* got 'ellpack'"),
        (lambda: UnstructuredSparsity(0.5, "csr", -1), "got 'csr', -1"),
        (lambda: BlockSparsity(-0.5), r"density must be in \(0, 1\], got -0.5"),
        (lambda: BlockSparsity(0.5, block=0), "block must be at least 1, got 0"),
        (
            lambda: density_that_pays(SMALL, cm.W16A16, A100, kernel="magic"),
            "kernel must be one of dense",
        ),
        (lambda: density_that_pays(SMALL, cm.W16A16, cm.fpga("zcu102")), "the FPGA zcu102 has none of"),
        (lambda: density_that_pays(SMALL, cm.W16A16, A100, efficiency=0.0), r"efficiency in \(0, 1\]"),
    ],
)
def test_bad_input_is_one_line(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
