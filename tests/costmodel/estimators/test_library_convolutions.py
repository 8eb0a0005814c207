"""Convolutions where no software is named: as a library's measured calls, in any format, without changes of layout."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel import hardware
from costmodel.estimators import gpu_latency
from costmodel.hardware.calibration import FOLDER
from costmodel.record import changed, stack
from costmodel.strategies import NMSparsity
from costmodel.workload.ops import conv, linear
from profilers import rows_file
from profilers.fit import calibrate

H100 = hardware.gpu("h100_sxm")
SHAPES = st.tuples(
    st.sampled_from([1, 4, 32]), st.sampled_from([16, 64, 96, 320]), st.sampled_from([7, 14, 28, 56]),
    st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]), st.sampled_from(["dense", "depthwise", "groups of 16"]),
)  # fmt: skip
FORMATS = st.sampled_from(["bf16", "fp16", "fp32", "w8a8", "w4a16", "w8a16", "fp8_e4m3"])


def made(batch, depth, plane, kernel, stride, style):
    groups = {"dense": 1, "depthwise": depth, "groups of 16": depth // 16}[style]
    return conv(
        "c", batch, depth, depth, input_size=(plane, plane), kernel=(kernel, kernel), stride=(stride, stride),
        padding=(kernel // 2, kernel // 2), groups=groups,
    )  # fmt: skip


def predicted(op, spelling="bf16", gpu=H100):
    return gpu_latency.predict(op, cm.precision(spelling), gpu)


@given(SHAPES)
def test_it_lies_between_the_calls_low_end_and_their_high_end(shape):
    op = made(*shape)
    here, called = predicted(op), predicted(op, gpu=hardware.gpu("h100_sxm:torch"))
    amid_s = gpu_latency.AMID_S
    assert float(here.latency_s) <= (float(called.latency_s) - amid_s) * (1 + 1e-9)
    assert float(here.high_s) == pytest.approx(float(called.high_s) - amid_s, rel=1e-6)
    assert float(here.low_s) < float(here.latency_s) <= float(here.high_s)
    assert str(here.how) == "transferred (convolution as cuDNN's; torch)"


@given(SHAPES)
def test_what_changes_no_layout_is_the_call(shape):
    op = made(*shape[:3], 1, 1, "depthwise")
    here, called = predicted(op), predicted(op, gpu=hardware.gpu("h100_sxm:torch"))
    assert float(here.latency_s) == pytest.approx(float(called.latency_s) - gpu_latency.AMID_S)


@settings(deadline=None)
@given(SHAPES, FORMATS, st.sampled_from(["h100_sxm", "a100_sxm", "l4", "b200_sxm"]), st.floats(1, 8))
def test_faster_pipes_and_memory_never_hurt(shape, spelling, name, factor):
    op, device, used = made(*shape), hardware.gpu(name), cm.precision(spelling)
    if np.isnan(device.peak_flops.of(used.math_pipe)):
        return
    peaks = replace(device.peak_flops, **{used.math_pipe: factor * device.peak_flops.of(used.math_pipe)})
    before = float(predicted(op, spelling, device).latency_s)
    for faster in (replace(device, peak_flops=peaks), replace(device, memory_bytes_per_s=factor * 3e12)):
        if faster.memory_bytes_per_s >= device.memory_bytes_per_s:
            assert float(predicted(op, spelling, faster).latency_s) <= before * (1 + 1e-9)


@given(SHAPES, st.sampled_from([("h100_sxm", "bf16", "w8a8", "w8a8"), ("l40s", "bf16", "w8a8", "int4"),
                                ("a100_sxm", "bf16", "w8a8", "int4"), ("t4", "fp16", "w8a8", "int4")]))  # fmt: skip
def test_narrower_formats_are_never_slower_and_less_sure(shape, on):
    name, *spellings = on
    op = made(*shape)
    wide, narrow, narrowest = (predicted(op, spelling, hardware.gpu(name)) for spelling in spellings)
    assert float(narrowest.latency_s) <= float(narrow.latency_s) * (1 + 1e-9)
    assert float(narrow.latency_s) <= float(wide.latency_s) * (1 + 1e-9)
    assert float(narrow.high_s / narrow.low_s) > float(wide.high_s / wide.low_s) * (1 - 1e-9)


@pytest.mark.parametrize("network", ["resnet18", "mobilenetv2_100"])
def test_a_gpu_that_is_faster_on_paper_is_faster_whatever_its_pipes(network):
    """The T4 and the V100 have no bf16: what was measured in it stands for fp16."""
    workload = cm.zoo.build(network, batch=32)
    for slower, faster in (("t4", "l4"), ("v100_sxm", "a100_sxm")):
        one, other = (cm.estimate(workload, "fp16", cm.gpu(name)).totals["latency_s"] for name in (slower, faster))
        assert other < one


def test_software_without_narrow_convolutions_runs_them_wide():
    op, torch = made(32, 64, 28, 3, 1, "dense"), hardware.gpu("h100_sxm:torch")
    wide, narrow = predicted(op, gpu=torch), predicted(op, "w8a8", torch)
    assert float(narrow.latency_s) == pytest.approx(float(wide.latency_s))
    assert float(narrow.high_s) > float(wide.high_s)
    assert str(narrow.how).startswith("transferred (no narrow convolution; bf16")
    assert np.isfinite(float(predicted(op, "fp16", hardware.gpu("t4:torch")).latency_s))


def test_a_users_rows_of_old_kinds_leave_others_to_those_who_measured_them(tmp_path, monkeypatch):
    """Depthwise and dense convolutions were calibrated: groups of several channels and gradients are cuDNN's still."""
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    rows = rows_file.read(FOLDER / "h100_sxm_torch_rows.parquet")
    calibrate(rows[rows.math.isin(["conv_bf16", "conv_grouped_bf16"])].reset_index(drop=True))
    wide = predicted(made(32, 96, 56, 3, 1, "groups of 16"))
    assert str(predicted(made(32, 96, 56, 3, 1, "depthwise")).how) == "transferred (torch)"
    assert str(wide.how) == "transferred (convolution as cuDNN's; torch)"
    trained = cm.estimate(cm.zoo.build("regnetx_002", phase="training"), "bf16", cm.gpu("h100_sxm"))
    assert not any(s.startswith("calibrated") for o, s in zip(trained.workload.ops, trained.source, strict=True)
                   if o.kind == "conv" and o.role.startswith("by_"))  # fmt: skip


@given(st.lists(st.tuples(SHAPES, FORMATS), min_size=1, max_size=5))
def test_a_batch_is_its_rows(pairs):
    ops, used = [made(*shape) for shape, _ in pairs], [cm.precision(spelling) for _, spelling in pairs]
    whole = gpu_latency.predict(stack(ops), stack(used), H100).latency_s
    np.testing.assert_allclose(
        whole, [float(gpu_latency.predict(o, p, H100).latency_s) for o, p in zip(ops, used, strict=True)]
    )


def test_zeros_are_multiplied_but_where_the_sparse_pipe_takes_them():
    op = made(32, 320, 28, 3, 1, "dense")
    two_of_four, some = NMSparsity(2, 4).prune(op), changed(op, weight_density=0.5)
    dense, sparse, zeros = (predicted(one) for one in (op, two_of_four, some))
    assert float(sparse.latency_s) < float(dense.latency_s)
    assert "sparse pipe" in str(sparse.how)
    assert float(zeros.latency_s) == pytest.approx(float(dense.latency_s))
    assert "zeros multiplied" in str(zeros.how)
    assert float(zeros.high_s) > float(dense.high_s)


def test_named_software_and_other_kinds_keep_their_models():
    op = made(1, 64, 28, 3, 1, "dense")
    assert "implicit product" in str(predicted(op, gpu=hardware.gpu("h100_sxm:vllm")).how)
    assert "cuDNN" not in str(predicted(linear("fc", 64, 512, 512)).how)
    assert str(predicted(op, gpu=hardware.gpu("a100_sxm")).how).startswith("spec (convolution as cuDNN's; from h100")
