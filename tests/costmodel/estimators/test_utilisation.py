"""Utilisations are shares: over networks, devices and precisions within 0 and 1, and what their definitions say."""

from dataclasses import replace

import numpy as np
import pytest
from estimator_strategies import networks, precisions
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators.evaluate import grid
from costmodel.hardware import Cpu, PeakFlops
from costmodel.workload import Workload
from costmodel.workload.ops import attention, linear

GPUS = ("a100_sxm", "a100_sxm:torch", "b200_sxm", "h100_sxm", "h100_sxm:torch", "h200_sxm", "l40s", "t4", "v100_sxm")
NETWORKS = ("resnet50", "vgg16", "mobilenetv3_small_100", "vit_base_patch16_224", "swin_tiny_patch4_window7_224")


def within(found):
    return 0.0 <= found.mfu <= 1.0 and 0.0 <= found.mbu <= 1.0


@pytest.mark.parametrize("gpu", GPUS)
def test_networks_of_the_zoo(gpu):
    device = cm.device(gpu)
    for name in NETWORKS:
        for batch, spelling in ((1, "fp16/fp16"), (128, "fp32"), (256, "fp16/fp16")):
            found = cm.estimate(cm.zoo.build(name, batch=batch), spelling, device)
            assert within(found), (name, batch, spelling, found.mfu, found.mbu)
            assert found.mfu > 1e-4


@settings(deadline=None, max_examples=60)
@given(networks(), precisions(), st.sampled_from(GPUS))
def test_random_networks(workload, used, gpu):
    device = cm.device(gpu)
    if np.isfinite(grid(workload.ops, [used], device)["latency_s"]).all():
        assert within(cm.estimate(workload, used, device))


def test_a_decode_reads_its_weights_and_cache_once():
    work = cm.decode(cm.zoo.llama("3.1-8b"), batch=8, context=8192)
    found = cm.estimate(work, "bf16", cm.gpu("h100_sxm"))
    assert found.mbu == pytest.approx(found.totals["bytes_moved"] / found.totals["latency_s"] / 3.35e12, rel=0.03)
    assert 0.5 < found.mbu < 0.95


def test_each_product_counts_at_the_peak_of_the_pipe_that_it_runs_on():
    h100 = cm.gpu("h100_sxm")
    work = Workload("two", (linear("a", 4096, 4096, 4096, bias=False), linear("b", 4096, 4096, 4096, bias=False)))
    found = cm.estimate(work, {"a": "bf16", "b": "fp8_e4m3"}, h100)
    each = 2.0 * 4096**3
    least_s = each / h100.peak_flops.bf16 + each / h100.peak_flops.fp8
    assert found.mfu == pytest.approx(least_s / found.totals["latency_s"])


def test_masked_scores_and_pruned_weights_do_no_useful_work():
    h100 = cm.gpu("h100_sxm")
    causal = attention("a", 1, queries=4096, keys=4096, heads=32, kv_heads=32, head_dim=128, causal=True)
    found = cm.estimate(Workload("prefill", (causal,)), "bf16", h100)
    assert found.mfu == pytest.approx(2.0 * causal.executed_macs / h100.peak_flops.bf16 / found.totals["latency_s"])
    dense = linear("fc", 4096, 4096, 4096, bias=False)
    kept = replace(dense, weight_density=0.5)
    whole, half = (cm.estimate(Workload("net", (op,)), "bf16", h100) for op in (dense, kept))
    assert half.mfu == pytest.approx(whole.mfu * whole.totals["latency_s"] / half.totals["latency_s"] / 2)


def test_a_processor_by_its_roofline_and_no_fpga():
    device = Cpu("c", PeakFlops(vector=1e11, fp32=2e11), 1e10, 2e10, 1)
    found = cm.estimate(cm.zoo.build("resnet18"), "fp32", device)
    assert within(found)
    assert max(found.mfu, found.mbu) > 0.5
    design = cm.estimate(cm.zoo.build("resnet18"), "w4a4", cm.device("zcu104"))
    for name in ("mfu", "mbu"):
        with pytest.raises(ValueError, match=f"{name} needs a GPU or CPU"):
            getattr(design, name)
