"""Caches of formats that a device cannot multiply: they move narrow and are multiplied wide."""

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators import roofline
from costmodel.estimators.attention_pipe import attention_pipe
from costmodel.record import stack
from dse.chunk import blocks
from dse.space import Space

LLAMA = cm.decode(cm.zoo.llama("3.2-1b"), batch=16, context=8192)


@pytest.mark.parametrize(
    ("device", "spelled", "pipe"),
    [
        ("h100_sxm", "bf16/bf16/int4", "bf16"),
        ("a100_sxm", "bf16/bf16/fp8_e4m3", "bf16"),
        ("a100_sxm", "bf16/bf16/mxfp4", "bf16"),
        ("t4", "fp16/fp16/fp8_e4m3", "fp16"),
        ("h100_sxm", "bf16/bf16/fp8_e4m3", "fp8"),
        ("a100_sxm", "bf16/bf16/int4", "int4"),
        ("t4", "fp16/fp16/bf16", "bf16"),
    ],
)
def test_a_narrow_cache_takes_the_next_pipe_that_there_is(device, spelled, pipe):
    gpu, used = cm.gpu(device), cm.precision(spelled)
    assert attention_pipe(used, gpu) == pipe
    both = attention_pipe(stack([used, cm.precision("fp32")]), gpu)
    assert both.tolist() == [pipe, "fp32"]


@pytest.mark.parametrize(("device", "kv"), [("h100_sxm", "int4"), ("a100_sxm", "fp8_e4m3"), ("a100_sxm", "mxfp4")])
def test_a_narrow_cache_saves_traffic_and_says_what_is_dequantised(device, kv):
    gpu = cm.gpu(device)
    wide, narrow = (cm.estimate(LLAMA, f"bf16/bf16/{name}", gpu) for name in ("bf16", kv))
    bits = float(cm.precision(f"bf16/bf16/{kv}").kv_cache.bits_per_element)
    assert narrow.totals["kv_bytes"] == pytest.approx(wide.totals["kv_bytes"] * bits / 16, rel=1e-12)
    at = next(i for i, op in enumerate(LLAMA.ops) if op.kind == "attention")
    assert "keys and values dequantised" in narrow.source[at]
    assert narrow.latency_s[at] < wide.latency_s[at]
    assert narrow.totals["energy_j"] > 0
    compute = roofline.compute_s(LLAMA.ops[at], cm.precision(f"bf16/bf16/{kv}"), gpu)
    assert compute == roofline.compute_s(LLAMA.ops[at], cm.W16A16, gpu)


@pytest.mark.parametrize("latency", ["estimate", "roofline"])
def test_caches_of_every_width_run_on_every_gpu_of_a_sweep(latency):
    space = Space.read({
        "axes": {"model": {"model": "zoo:llama-3.2-1b", "phase": "decode"}, "context": 2048, "batch": [1, 8],
                 "device": ["h100_sxm", "a100_sxm", "l40s"],
                 "precision": [f"int4_g128/bf16/{kv}" for kv in ("fp16", "fp8_e4m3", "int4")]},
        "objectives": ["latency_s"], "metrics": ["energy_j"], "latency": latency,
    })  # fmt: skip
    columns = np.concatenate([e.columns for e in blocks(space, 0, space.size)])
    assert np.isfinite(columns).all()
    for index in range(0, space.size, 5) if latency == "estimate" else ():
        design = space.design(index)
        workload = cm.zoo.build("llama-3.2-1b", phase="decode", batch=design["batch"], context=2048)
        found = cm.estimate(workload, design["precision"], cm.gpu(design["device"])).totals["latency_s"]
        assert columns[index, 0] == pytest.approx(found, rel=1e-9)
