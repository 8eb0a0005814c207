"""No product, convolution or attention is faster than its pipe's peak, nor is the low end of its interval."""

from dataclasses import replace

import numpy as np
import pytest
from estimator_strategies import networks, precisions
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import compute_floor
from costmodel.estimators.evaluate import grid
from costmodel.estimators.fusion import fuse
from costmodel.record import stack
from costmodel.workload.ops import attention, conv, linear

GPUS = ("a100_pcie", "a100_sxm", "a30", "b200_sxm", "h100_sxm", "h100_sxm:torch", "h200_sxm:torch", "l4", "l40s", "t4")
SHAPES = [(m, n, k) for m in (1, 16, 512, 8192) for n, k in ((64, 64), (4096, 4096), (14336, 4096), (65536, 65536))]


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("spelling", ["fp32", "bf16", "w8a8", "fp8_e4m3", "w4a16", "w8a16", "mxfp8/mxfp8"])
def test_products_and_their_low_ends(gpu, spelling):
    device, used = cm.gpu(gpu), cm.precision(spelling)
    peak = device.peak_flops.of(used.math_pipe)
    found = grid([linear(f"fc{i}", m, k, n, bias=False) for i, (m, n, k) in enumerate(SHAPES)], [used], device)
    if peak > 0:
        least_s = np.array([2.0 * m * n * k / peak for m, n, k in SHAPES])
        assert (found["latency_low_s"][:, 0] >= least_s * (1 - 1e-9)).all()
        assert (found["latency_low_s"] <= found["latency_s"]).all()
        assert (found["latency_s"] <= found["latency_high_s"]).all()


@settings(deadline=None, max_examples=30)
@given(networks(), precisions(), st.sampled_from(GPUS))
def test_whole_networks(workload, used, gpu):
    device, op = cm.gpu(gpu), stack(fuse(workload.ops))
    found = grid(workload.ops, [used], device)
    least_s = compute_floor.floor_s(op, used, device)
    known = np.isfinite(found["latency_s"][:, 0])
    assert (found["latency_low_s"][known, 0] >= (least_s * (1 - 1e-9))[known]).all()


def test_sparse_weights_convolutions_and_caches_have_floors_of_their_own():
    h100, bf16 = cm.gpu("h100_sxm"), cm.precision("bf16")
    dense = linear("fc", 4096, 4096, 4096, bias=False)
    kept = replace(dense, weight_block=4.0, weight_density=0.5)
    assert compute_floor.floor_s(kept, bf16, h100) == pytest.approx(compute_floor.floor_s(dense, bf16, h100) / 2)
    window = conv("c", 64, 256, 256, input_size=(56, 56), kernel=(3, 3))
    fp32 = compute_floor.floor_s(window, cm.precision("fp32"), h100)
    assert fp32 == pytest.approx(2.0 * window.macs / h100.peak_flops.tf32), "cuDNN may take tf32"
    prefill = attention("a", 1, queries=8192, keys=8192, heads=32, kv_heads=8, head_dim=128, causal=True)
    narrow = cm.precision("bf16/bf16/fp8_e4m3")
    expected = 2.0 * prefill.executed_macs / h100.peak_flops.bf16
    assert compute_floor.floor_s(prefill, narrow, h100) == pytest.approx(expected), "fp8 caches are widened"
    assert expected < 0.6 * 2.0 * prefill.macs / h100.peak_flops.bf16, "masked scores are skipped"


def test_an_op_without_products_has_none_and_neither_has_one_whose_pipe_is_missing():
    t4 = cm.gpu("t4")
    assert compute_floor.floor_s(linear("fc", 8, 8, 8, bias=False), cm.precision("fp8_e4m3"), t4) == 0
    norm = next(op for op in cm.zoo.build("resnet18").ops if op.kind == "norm")
    assert compute_floor.floor_s(norm, cm.precision("bf16"), t4) == 0
