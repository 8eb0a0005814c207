"""Attention of networks: which measured kind each is, what is said of those that nobody measured."""

from dataclasses import replace

import pytest

from costmodel import hardware, zoo
from costmodel.estimators import attention_kind, gpu_latency
from costmodel.estimators.attention_latency import predict
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload.op import Heads
from costmodel.workload.ops import attention, latent_attention
from costmodel.workload.serving import decode, prefill
from costmodel.workload.training import training

H100, A100, L40S = (hardware.gpu(name) for name in ("h100_sxm", "a100_sxm", "l40s"))
GQA = {"heads": 32, "kv_heads": 8, "head_dim": 128}
PROMPT = attention("p", 4, queries=2048, keys=2048, causal=True, cached=True, **GQA)
TOKEN = attention("t", 8, queries=1, keys=4097, causal=True, cached=True, **GQA)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))


def found(op, spelling="bf16", gpu=H100):
    return gpu_latency.predict(op, precision(spelling), gpu)


@pytest.mark.parametrize(
    ("op", "spelling", "math", "sizes"),
    [
        (PROMPT, "bf16", "ctx_bfloat16", (4, 2048, 2048, 32, 8, 128, 0)),
        (TOKEN, "bf16", "gen_bfloat16", (8, 1, 4097, 32, 8, 128, 0)),
        (PROMPT, "bf16/bf16/fp8_e4m3", "ctx_bfloat16_kvfp8", (4, 2048, 2048, 32, 8, 128, 0)),
        (TOKEN, "w4a16", "gen_bfloat16", (8, 1, 4097, 32, 8, 128, 0)),
    ],
)
@pytest.mark.parametrize("gpu", [H100, L40S])
def test_attention_of_servers_is_the_measured_one(op, spelling, math, sizes, gpu):
    expected = predict(*sizes, attention_kind.named(math), gpu)
    one = found(op, spelling, gpu)
    assert (one.latency_s, one.low_s, one.high_s) == (expected.latency_s, expected.low_s, expected.high_s)
    assert one.how == "calibrated (vllm)"
    assert not one.extrapolated


def test_a_window_reaches_the_model():
    windowed = attention("w", 8, queries=1, keys=4097, causal=True, cached=True, window=128, **GQA)
    expected = predict(8, 1, 4097, 32, 8, 128, 128, attention_kind.named("gen_bfloat16"), H100)
    assert found(windowed).latency_s == expected.latency_s < found(TOKEN).latency_s


@pytest.mark.parametrize(
    ("op", "spelling", "reason"),
    [
        (attention("b", 4, queries=512, keys=512, **GQA), "bf16", "both directions"),
        (attention("c", 4, queries=64, keys=512, causal=True, **GQA), "bf16", "queries after cached keys"),
        (attention("v", 4, queries=64, keys=64, causal=True, value_dim=64, **GQA), "bf16", "values of another size"),
        (TOKEN, "bf16/bf16/int8", "no such widths measured"),
        (TOKEN, "fp32", "no such widths measured"),
    ],
)
def test_what_nobody_measured_borrows_and_says_so(op, spelling, reason):
    one = found(op, spelling)
    assert str(one.how).startswith("transferred (")
    assert reason in str(one.how)
    assert one.extrapolated
    assert 0 < one.low_s < one.latency_s < one.high_s


def test_a_single_query_without_a_mask_is_a_decode():
    assert found(attention("x", 8, queries=1, keys=4097, **GQA)).latency_s == found(TOKEN).latency_s


def test_both_directions_take_longer_than_one():
    both = replace(PROMPT, mask_density=1.0, heads=replace(PROMPT.heads, causal=False))
    assert 1.3 < found(both).latency_s / found(PROMPT).latency_s < 2.5


def test_heads_that_are_not_known_are_left_to_the_roofline():
    latent = latent_attention("l", 4, queries=1, keys=512, heads=16, latent_dim=512, rope_dim=64)
    for op in (latent, replace(PROMPT, heads=Heads())):
        assert str(found(op).how).startswith("fitted roofline (heads not known")


def test_a_device_that_nobody_measured_takes_the_others():
    h200 = hardware.gpu("h200_sxm")
    assert found(PROMPT, gpu=h200).how == "spec (from a100_sxm, h100_sxm, l40s)"
    assert found(PROMPT, "bf16/bf16/fp8_e4m3", gpu=h200).how == "spec (from h100_sxm, l40s)"
    widened = "transferred (keys and values dequantised, from h100_sxm, l40s)"
    assert found(PROMPT, "bf16/bf16/fp8_e4m3", gpu=A100).how == widened


@pytest.mark.parametrize(("workload", "gpu", "how"), [
    (prefill(zoo.llama("3.1-8b"), 2, 1024), H100, "calibrated (vllm)"),
    (decode(zoo.llama("3.1-8b"), 16, 4096), H100, "calibrated (vllm)"),
    (decode(zoo.llama("3.1-8b"), 16, 4096), A100, "calibrated (sglang)"),
])  # fmt: skip
def test_llama_is_calibrated_layer_by_layer(workload, gpu, how):
    rows = [row for row in estimate(workload, "w16a16", gpu).table() if row["kind"] == "attention"]
    assert len(rows) == 32
    assert {row["source"] for row in rows} == {how}


def test_a_backward_pass_is_not_taken_for_a_forward():
    step = training(prefill(zoo.llama("3.1-8b"), 1, 128))
    ops = [op for op in step.ops if op.kind == "attention"]
    backward = [op for op in ops if op.name.endswith(".grad_input")]
    assert len(backward) == 32
    assert all(str(how).startswith("fitted roofline") for how in found(stack(backward)).how)
    assert all(op.heads.batch == 1 for op in ops if op not in backward)


def test_a_shared_latent_over_an_fp8_cache_is_multiplied_in_bf16_like_any_attention():
    op = latent_attention("mla", 1, queries=8192, keys=8192, heads=128, latent_dim=512, rope_dim=64)
    narrow, wide = (float(found(op, spelling).latency_s) for spelling in ("bf16/bf16/fp8_e4m3", "bf16"))
    assert narrow >= 2.0 * op.executed_macs / H100.peak_flops.bf16
    assert narrow == pytest.approx(wide, rel=0.01), "bound by its products"


@pytest.mark.parametrize("gpu", ["h100_sxm", "a100_sxm", "l40s", "b200_sxm", "h100_sxm:torch"])
@pytest.mark.parametrize("spelling", ["bf16", "bf16/bf16/fp8_e4m3"])
@pytest.mark.parametrize(
    ("batch", "keys", "heads", "kv_heads"), [(8, 8192, 32, 8), (1, 1024, 32, 32), (64, 4096, 64, 8)]
)
def test_a_few_queries_read_a_cache_as_one_does_and_more_take_smoothly_longer(
    gpu, spelling, batch, keys, heads, kv_heads
):
    device, used = hardware.gpu(gpu), precision(spelling)
    counts = [*range(1, 17), 20, 24, 32, 48, 64, 96, 128, 192, 256, 320, 512]
    shape = {"keys": keys, "heads": heads, "kv_heads": kv_heads, "head_dim": 128, "causal": True, "cached": True}
    ops = [attention("a", batch, queries=count, **shape) for count in counts]
    seconds = grid(ops, [used], device)["latency_s"][:, 0]
    steps = seconds[1:] / seconds[:-1]
    assert (steps >= 1 - 1e-9).all()
    assert steps.max() < 2.2
    assert seconds[1] < 1.05 * seconds[0], "two queries read what one does"
    whole = found(ops[-1], spelling, device)
    assert "ctx" in str(whole.how)
    assert "gen" in str(found(ops[4], spelling, device).how)


def test_verified_drafts_keep_their_wide_interval():
    op = attention("a", 8, queries=5, keys=8192, causal=True, cached=True, **GQA)
    told = found(op)
    assert bool(told.extrapolated)
    assert float(told.high_s / told.low_s) > 2.5
