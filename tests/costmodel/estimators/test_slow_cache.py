"""More cache is never slower, more SMs at the same peak little: what-ifs of every format on known and unknown GPUs."""

from dataclasses import replace

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators import gemm_kind, gpu_gemm, slow_cache
from costmodel.estimators.evaluate import grid
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.hardware.calibration import calibrations
from costmodel.record import changed
from costmodel.workload.ops import attention, linear

GPUS = ("h100_sxm", "a100_sxm", "l40s", "b200_sxm")
SPELLINGS = ("bf16", "fp8_e4m3", "w4a16", "w8a16", "fp32", "bf16/bf16/fp8_e4m3")


def some_ops(seed=1, count=30):
    rng = np.random.default_rng(seed)
    sizes = np.round(2 ** rng.uniform([0, 2, 2], [14, 15, 15], (count, 3)))
    ops = [linear(f"fc{i}", m, k, n, bias=False) for i, (m, n, k) in enumerate(sizes)]
    for keys in np.round(2 ** rng.uniform(1, 15, count // 6)):
        shape = {"heads": 32, "kv_heads": 8, "head_dim": 128, "causal": True, "keys": keys}
        ops += [attention("d", 8, queries=1, cached=True, **shape), attention("p", 1, queries=keys, **shape)]
    return ops


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_more_cache_is_never_slower_and_a_few_more_sms_little(gpu, spelling):
    device, used, ops = cm.gpu(gpu), cm.precision(spelling), some_ops()
    seconds = grid(ops, [used], device)["latency_s"]
    known, last = np.isfinite(seconds), seconds
    for factor in (1.02, 1.5, 8.0):
        larger = grid(ops, [used], changed(device, l2_bytes=device.l2_bytes * factor))["latency_s"]
        assert (larger[known] <= last[known] * 1.001).all()
        last = larger
    count = round(1.02 * device.sm_count)
    more = grid(ops, [used], changed(device, sm_count=count))["latency_s"]
    assert (more[known] <= seconds[known] * 1.02 * count / device.sm_count).all()


@pytest.mark.parametrize("math", ["bfloat16", "int4_wo", "sq"])
def test_a_gpu_of_ones_own_has_a_cache_as_fast_as_its_memory(math):
    fit = next(f for f in calibrations("gemm") if (f.device, f.math) == ("a100_sxm", math))
    kind, constants = gemm_kind.named(math), GemmConstants(**fit.constants)
    mine = replace(cm.gpu("a100_sxm"), name="mine", l2_bytes=1e9)
    seen, raised = slow_cache.guarded(kind, mine, constants)
    assert seen is mine
    rate = gpu_gemm.l2_bytes_per_s(mine, mine.peak_flops.of(kind.pipe), raised.l2_rate)
    assert rate == pytest.approx(mine.memory_bytes_per_s * constants.memory_efficiency)
    known, same = slow_cache.guarded(kind, changed(cm.gpu("a100_sxm"), l2_bytes=1e9), constants)
    assert known.l2_bytes == cm.gpu("a100_sxm").l2_bytes
    assert same == constants
