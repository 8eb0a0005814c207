"""Latency of any op on a GPU: one formula for cells and grids, intervals, honest labels, laws of better devices."""

from dataclasses import fields, replace

import numpy as np
import pytest
from estimator_strategies import SPELLINGS, networks, ops, precisions
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel import hardware, zoo
from costmodel.catalog import UnknownNameError
from costmodel.estimators import gpu_latency, sibling
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.estimators.prediction import SOURCES, Prediction
from costmodel.precision import precision
from costmodel.record import mesh, stack
from costmodel.workload import Op, Workload
from costmodel.workload.ops import attention, conv, embedding, experts, linear, norm, softmax

GPUS = {name: hardware.gpu(name) for name in ("a100_sxm", "h100_sxm", "l40s", "rtx_4090", "b200_sxm", "t4")}
DEVICES = st.sampled_from(sorted(GPUS)).map(GPUS.get)
NAMED = ("a100_sxm", "h100_sxm", "l40s", "h100_sxm:vllm", "h100_sxm:torch", "h200_sxm:torch", "rtx_4090", "b200_sxm")
ANY = st.sampled_from(NAMED).map(hardware.device)
FC = linear("fc", 64, 4096, 4096)


def how(op, spelling, device):
    return str(gpu_latency.predict(op, precision(spelling), hardware.gpu(device)).how)


@settings(deadline=None, max_examples=40)
@given(st.lists(ops(), min_size=1, max_size=4), st.lists(precisions(), min_size=1, max_size=3), DEVICES)
def test_a_grid_equals_its_cells(made, used, device):
    found = gpu_latency.predict(*mesh(made, used), device)
    for i, op in enumerate(made):
        for j, one in enumerate(used):
            cell = gpu_latency.predict(op, one, device)
            for name in (f.name for f in fields(Prediction)):
                value, expected = getattr(found, name)[i, j], getattr(cell, name)
                if value.dtype.kind == "f":
                    np.testing.assert_allclose(value, expected, rtol=1e-9)
                else:
                    assert value == expected


@settings(deadline=None, max_examples=60)
@given(ops(), precisions(), DEVICES)
def test_an_interval_holds_its_prediction_and_the_source_is_named(op, used, device):
    found = gpu_latency.predict(op, used, device)
    if np.isnan(found.latency_s):
        assert found.how == ""
    else:
        assert 0 < found.low_s <= found.latency_s <= found.high_s < np.inf
        assert str(found.how).split(" (")[0] in SOURCES
        assert 0 <= found.correlation <= 1


@settings(deadline=None, max_examples=40)
@given(networks(), st.sampled_from(["w16a16", "w8a16", "fp8_e4m3", "w8a8"]))
def test_the_interval_of_a_network_lies_within_that_of_errors_all_alike(workload, spelling):
    found = estimate(workload, spelling, GPUS["h100_sxm"])
    low, high = found.columns["latency_low_s"].sum(), found.columns["latency_high_s"].sum()
    totals = found.totals
    assert low * (1 - 1e-9) <= totals["latency_low_s"] <= totals["latency_s"] <= totals["latency_high_s"]
    assert totals["latency_high_s"] <= high * (1 + 1e-9)
    assert sum(found.latency_sources.values()) == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(ops(), precisions(), ANY, st.floats(1, 8))
def test_more_bandwidth_is_never_slower(op, used, device, factor):
    """Trees of a calibrated device stay those of the device as it is."""
    faster = replace(device, memory_bytes_per_s=factor * device.memory_bytes_per_s)
    before, after = (gpu_latency.predict(op, used, d).latency_s for d in (device, faster))
    assert np.isnan(before) or after <= before * (1 + 1e-9)


@settings(deadline=None, max_examples=60)
@given(ops(), st.sampled_from(["w16a16", "w8a16", "w8a8", "fp8_e4m3"]), ANY, st.floats(1, 8))
def test_a_faster_pipe_is_never_slower(op, spelling, device, factor):
    used = precision(spelling)
    pipes = {used.math_pipe, used.attention_pipe}
    peaks = {pipe: factor * getattr(device.peak_flops, pipe) for pipe in pipes}
    faster = replace(device, peak_flops=replace(device.peak_flops, **peaks))
    before, after = (gpu_latency.predict(op, used, d).latency_s for d in (device, faster))
    assert np.isnan(before) or after <= before * (1 + 1e-9)


@pytest.mark.parametrize(
    ("op", "spelling", "device", "says"),
    [
        (FC, "bf16", "a100_sxm", "calibrated (sglang)"),
        (FC, "fp16", "a100_sxm", "transferred (fp16 as bf16 of sglang)"),
        (FC, "fp16", "rtx_4090", "spec (fp16 as bf16, from a100_sxm, h100_sxm, l40s)"),
        (attention("a", 1, queries=64, keys=64, heads=8, kv_heads=8, head_dim=64, causal=True), "fp16", "l40s",
         "transferred (fp16 as bf16 of vllm)"),
        (FC, "int4_g128/fp16", "a100_sxm", "calibrated (trtllm)"),
        (FC, "bf16", "h100_sxm", "calibrated (pooled trtllm, vllm)"),
        (FC, "w4a16", "a100_sxm", "calibrated (trtllm)"),
        (FC, "int4_g128/bf16", "a100_sxm", "calibrated (trtllm)"),
        (FC, "w8a8", "h100_sxm", "transferred (from a100_sxm, l40s)"),
        (FC, "bf16", "rtx_4090", "spec (from a100_sxm, h100_sxm, l40s)"),
        (FC, "int2/bf16", "a100_sxm", "transferred (no such widths measured; int4_wo of a100_sxm)"),
        (FC, "fp32", "h100_sxm", "transferred (no such widths measured; bfloat16 of h100_sxm)"),
        (FC, "nvfp4", "b200_sxm", "spec (no such widths measured; fp8_block of h100_sxm)"),
        (experts("e", 64, 512, 512, experts=8, experts_per_token=2), "bf16", "l40s",
         "transferred (grouped product; bfloat16 of l40s)"),
        (conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3)), "bf16", "l40s",
         "spec (convolution as cuDNN's; from h100_sxm)"),
        (conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3), groups=64), "bf16", "l40s",
         "spec (convolution as cuDNN's; from h100_sxm)"),
        (conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3)), "w8a8", "h100_sxm",
         "transferred (convolution as cuDNN's; torch)"),
        (conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3)), "bf16", "l40s:vllm",
         "transferred (convolution as implicit product; bfloat16 of l40s)"),
        (conv("c", 1, 64, 64, input_size=(8, 8), kernel=(3, 3), groups=64), "bf16", "l40s:vllm",
         "fitted roofline (grouped convolution: none measured; constants of bfloat16 l40s)"),
        (softmax("s", 4096), "bf16", "l40s", "fitted roofline (constants of bfloat16 l40s)"),
        (norm("n", 4096, 64, style="layer"), "bf16", "t4", "fitted roofline (constants of bfloat16 carried to t4)"),
        (embedding("t", 8, 1000, 64), "w8a16", "h100_sxm", "fitted roofline (constants of bfloat16 h100_sxm)"),
        (Op("x", "something new", input_elements=64.0, output_elements=64.0), "bf16", "l40s",
         "fitted roofline (constants of bfloat16 l40s)"),
    ],
)  # fmt: skip
def test_the_source_says_what_was_measured(op, spelling, device, says):
    assert how(op, spelling, device) == says


def test_a_backend_takes_its_own_kernels():
    found = {b: gpu_latency.predict(FC, precision("fp8_e4m3"), hardware.gpu(f"h100_sxm{b}")) for b in ("", ":vllm")}
    assert str(found[":vllm"].how) == "calibrated"
    assert str(found[""].how) == "calibrated (pooled sglang, trtllm, vllm)"
    assert found[""].low_s <= found[":vllm"].low_s < found[":vllm"].high_s <= found[""].high_s
    with pytest.raises(UnknownNameError, match="unknown backend 'vlm'; did you mean vllm"):
        gpu_latency.predict(FC, precision("bf16"), hardware.gpu("h100_sxm:vlm"))


def test_what_bf16_lends_to_fp16_is_less_sure_also_of_a_sum():
    layers = Workload("net", (FC, linear("other", 64, 4096, 1024)))
    own, lent = (estimate(layers, spelling, GPUS["l40s"]) for spelling in ("bf16", "fp16"))
    np.testing.assert_allclose(lent.columns["latency_s"], own.columns["latency_s"])
    for found in (lent.columns, lent.totals):
        base = own.columns if found is lent.columns else own.totals
        assert np.all(found["latency_high_s"] >= base["latency_high_s"] * np.exp(sibling.OFFSET) * (1 - 1e-9))
        assert np.all(found["latency_low_s"] <= base["latency_low_s"] / np.exp(sibling.OFFSET) * (1 + 1e-9))


def test_executions_add_up():
    one = gpu_latency.predict(FC, precision("bf16"), GPUS["l40s"])
    many = gpu_latency.predict(FC.times(32), precision("bf16"), GPUS["l40s"])
    for name in ("latency_s", "low_s", "high_s"):
        assert getattr(many, name) == pytest.approx(32 * getattr(one, name))


def test_a_missing_pipe_gives_nan_for_products_alone():
    made = [FC, softmax("s", 256), attention("a", 1, queries=8, keys=8, heads=2, kv_heads=2, head_dim=8)]
    found = grid(made, [precision(p) for p in ("w16a16", "fp8_e4m3")], GPUS["a100_sxm"])
    assert np.isnan(found["latency_s"]).tolist() == [[False, True], [False, False], [False, False]]
    assert np.isnan(found["latency_high_s"]).tolist() == np.isnan(found["latency_s"]).tolist()


def test_no_prediction_is_below_half_the_roofline_where_memory_must_be_read():
    made = [linear("fc", 1, 16384, 16384), embedding("t", 2**18, 2**20, 512), softmax("s", 2.0**28)]
    found = grid(made, [precision("bf16")], GPUS["h100_sxm"])
    assert (found["latency_s"] > found["roofline_s"]).all()


def test_a_repeated_shape_shares_its_error():
    alone = Workload("net", (FC, linear("other", 64, 4096, 1024)))
    twice = Workload("net", (FC, replace(FC, name="again"), linear("other", 64, 4096, 1024)))
    counted = Workload("net", (FC.times(2), linear("other", 64, 4096, 1024)))
    spans = [estimate(w, "bf16", GPUS["h100_sxm"]).totals for w in (alone, twice, counted)]
    assert spans[1]["latency_high_s"] == pytest.approx(spans[2]["latency_high_s"])
    assert spans[0]["latency_high_s"] < spans[1]["latency_high_s"]


@pytest.mark.parametrize("device", sorted(GPUS))
def test_every_precision_of_a_network_has_a_latency_or_no_pipe(device):
    made = zoo.build("resnet18").ops
    used = [precision(p) for p in SPELLINGS]
    found = grid(made, used, GPUS[device])
    lacking = [bool(np.isnan(GPUS[device].peak_flops.of(p.math_pipe))) for p in used]
    assert np.isnan(found["latency_s"]).any(axis=0).tolist() == lacking
    assert found["source"].shape == found["latency_s"].shape == (len(made), len(used))


def test_one_stack_is_one_call():
    batch = stack([FC, softmax("s", 256)])
    found = gpu_latency.predict(batch, precision("bf16"), GPUS["l40s"])
    assert found.latency_s.shape == found.how.shape == (2,)
