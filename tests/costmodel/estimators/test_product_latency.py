"""Products in networks: what a convolution, an expert and a product without weights make of the calibrated model."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel import hardware, zoo
from costmodel.estimators import calibrated, fitted_roofline, gemm_kind, gpu_gemm, gpu_latency, library_convolutions
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_latency import GEMM, OTHER_FAMILY, predict
from costmodel.estimators.transfer import mean_constants
from costmodel.hardware.calibration import calibrations
from costmodel.importers._shapes import matmul
from costmodel.precision import precision
from costmodel.workload.ops import conv, experts, linear

H100, L40S = hardware.gpu("h100_sxm"), hardware.gpu("l40s")
BF16 = gemm_kind.named("bfloat16")


def seconds(op, spelling="bf16", gpu=L40S):
    return float(gpu_latency.predict(op, precision(spelling), gpu).latency_s)


def own(math, gpu):
    return mean_constants(GEMM, [f for f in calibrations("gemm") if (f.device, f.math) == (gpu.name, math)])


@pytest.fixture
def as_products(monkeypatch):
    """As where no library's convolutions were measured."""
    monkeypatch.setattr(library_convolutions, "known", lambda op, _gpu: np.zeros(len(op.m), dtype=bool))


@pytest.mark.parametrize(("spelling", "math"), [("bf16", "bfloat16"), ("w8a8", "sq"), ("fp8_e4m3", "fp8")])
def test_a_linear_layer_is_its_measured_product(spelling, math):
    expected = predict(64.0, 4096.0, 2048.0, gemm_kind.named(math), L40S)
    found = gpu_latency.predict(linear("fc", 64, 2048, 4096), precision(spelling), L40S)
    for name in ("latency_s", "low_s", "high_s"):
        assert float(getattr(found, name)) == pytest.approx(float(getattr(expected, name)), rel=1e-9)
    assert found.how == f"calibrated ({'trtllm' if math == 'sq' else 'vllm'})"


@pytest.mark.usefixtures("as_products")
def test_a_pointwise_convolution_is_a_product_and_a_wider_one_reads_its_input_once():
    found = seconds(conv("c", 64, 256, 64, input_size=(56, 56), kernel=(1, 1)))
    m = 64.0 * 56 * 56
    assert found == pytest.approx(float(gpu_gemm.latency_s(m, 64.0, 256.0, BF16, L40S, own("bfloat16", L40S))))
    patches = replace(BF16, activation_reads=56 * 56 / (56 * 56 * 9))
    wide = seconds(conv("c", 64, 64, 64, input_size=(56, 56), kernel=(3, 3), padding=(1, 1)))
    expected = gpu_gemm.latency_s(m, 64.0, 576.0, patches, L40S, own("bfloat16", L40S))
    assert wide == pytest.approx(float(expected))
    assert wide < float(gpu_gemm.latency_s(m, 64.0, 576.0, BF16, L40S, own("bfloat16", L40S)))


@pytest.mark.usefixtures("as_products")
def test_a_strided_pointwise_convolution_reads_what_it_uses():
    by_four = seconds(conv("c", 64, 256, 64, input_size=(56, 56), kernel=(1, 1), stride=(2, 2)))
    dense = seconds(conv("c", 64, 256, 64, input_size=(28, 28), kernel=(1, 1)))
    assert by_four == dense


@pytest.mark.usefixtures("as_products")
def test_what_was_not_measured_as_such_has_the_interval_of_another_family():
    found = gpu_latency.predict(conv("c", 8, 64, 64, input_size=(8, 8), kernel=(3, 3)), precision("bf16"), L40S)
    low, high = np.exp(OTHER_FAMILY)
    assert found.low_s <= found.latency_s * low
    assert found.high_s >= found.latency_s * high
    assert found.correlation == 1.0


@pytest.mark.usefixtures("as_products")
def test_convolutions_borrow_library_kernels_at_any_width():
    op = conv("c", 1, 256, 256, input_size=(14, 14), kernel=(3, 3), padding=(1, 1))
    for spelling in ("bf16", "w8a8", "w4a16", "fp8_e4m3"):
        assert "bfloat16 of l40s" in str(gpu_latency.predict(op, precision(spelling), L40S).how)
    assert seconds(op, "w8a8") < seconds(op, "bf16")
    assert seconds(op, "w4a16") <= seconds(op, "bf16")


def test_a_backend_lends_its_own_constants():
    op = conv("c", 64, 64, 64, input_size=(56, 56), kernel=(1, 1))
    trtllm = next(
        f for f in calibrations("gemm") if (f.device, f.math, f.backend) == ("h100_sxm", "bfloat16", "trtllm")
    )
    expected = gpu_gemm.latency_s(64.0 * 56 * 56, 64.0, 64.0, BF16, H100, GemmConstants(**trtllm.constants))
    assert seconds(op, gpu=hardware.gpu("h100_sxm:trtllm")) == pytest.approx(float(expected))
    assert seconds(op, gpu=H100) != pytest.approx(float(expected), rel=1e-6)


def test_experts_share_a_launch_and_read_each_their_weights():
    def made(count, per_token):
        return experts("e", 64, 512, 512, experts=count, experts_per_token=per_token)

    one, eight = (
        float(gpu_gemm.latency_s(64.0, 512.0, 512.0, BF16, L40S, own("bfloat16", L40S), b)) for b in (1.0, 8.0)
    )
    assert seconds(made(8, 8)) == pytest.approx(eight)
    assert seconds(made(1, 1)) == pytest.approx(one, rel=0.3), "with the residual model"
    assert one < eight < 4 * one, "launch and prologue are paid once"


def test_a_product_of_activations_takes_their_format_and_pipe():
    op = matmul(1, 64, 4096, 2048, 64 * 2048 + 2048 * 4096)
    assert seconds(op, "w4a16") == pytest.approx(seconds(linear("fc", 64, 2048, 4096), "bf16"))
    assert seconds(op, "w8a8kv8") == pytest.approx(seconds(linear("fc", 64, 2048, 4096), "w8a8"))


def test_grouped_convolutions_take_the_faster_unit():
    c = own("bfloat16", H100)
    deep = conv("c", 64, 512, 512, input_size=(56, 56), kernel=(1, 2), groups=512)
    used = precision("bf16")
    flops = 2.0 * deep.macs
    vector_s = flops / (H100.peak_flops.vector * c.compute_efficiency)
    assert fitted_roofline.compute_s(deep, used, H100, c) == pytest.approx(vector_s)
    wide = conv("c", 64, 512, 512, input_size=(56, 56), kernel=(3, 3), groups=2)
    tensor_s = 2.0 * wide.macs / (H100.peak_flops.bf16 * c.compute_efficiency)
    assert fitted_roofline.compute_s(wide, used, H100, c) == pytest.approx(tensor_s)
    assert np.isnan(fitted_roofline.compute_s(deep, precision("fp8_e4m3"), hardware.gpu("a100_sxm"), c))


def test_small_activations_come_from_the_cache():
    c = own("bfloat16", H100)
    used = precision("bf16")

    def rate(elements):
        op = replace(linear("x", 1, 1, 1), input_elements=elements, output_elements=0.0, weight_elements=0.0)
        return 2.0 * elements / float(fitted_roofline.memory_s(op, used, H100, c))

    assert rate(1e9) == pytest.approx(H100.memory_bytes_per_s * c.memory_efficiency, rel=1e-3)
    assert rate(1e6) > 1.2 * rate(1e9)


@pytest.mark.parametrize("gpu", ["h100_sxm", "a100_sxm", "l40s"])
@pytest.mark.parametrize(
    ("spelling", "family"),
    [
        ("mxfp8/mxfp8", "fp8_block"), ("nf4/bf16", "int4_wo"), ("mxfp4/bf16", "int4_wo"), ("fp4_e2m1/bf16", "int4_wo"),
        ("fp8_e5m2/bf16", "int8_wo"), ("fp8_e4m3/bf16", "int8_wo"),
    ],
)  # fmt: skip
def test_other_codes_than_were_measured_are_not_calibrated(gpu, spelling, family):
    device, used = hardware.gpu(gpu), precision(spelling)
    if device.peak_flops.of(used.math_pipe) > 0:
        found = gpu_latency.predict(linear("fc", 16, 4096, 4096), used, device)
        assert str(found.how).startswith(f"transferred (no such codes measured; {family} of ")
        assert found.high_s / found.low_s > np.exp(OTHER_FAMILY[1] - OTHER_FAMILY[0]) * 0.99


@pytest.mark.parametrize("spelling", ["int4_g128/bf16", "w8a16", "w8a8", "bf16"])
def test_what_was_measured_stays_calibrated(spelling):
    for gpu in ("a100_sxm", "l40s"):
        found = gpu_latency.predict(linear("fc", 16, 4096, 4096), precision(spelling), hardware.gpu(gpu))
        assert str(found.how).startswith("calibrated (")


@pytest.mark.parametrize("gpu", ["h100_sxm", "h100_sxm:sglang", "h200_sxm", "b200_sxm"])
def test_weights_alone_in_int8_are_not_told_by_rows_whose_activations_are_int8_too(gpu):
    """48 of those rows run above the peak of bf16; 1,000 rows were said to take longer than 1,024."""
    device = hardware.gpu(gpu)
    m = np.array([1.0, 64.0, 1000.0, 1024.0, 4096.0, 8192.0])
    found = [gpu_latency.predict(linear("fc", rows, 4096, 16384), precision("w8a16"), device) for rows in m]
    seconds = np.array([float(one.latency_s) for one in found])
    assert all("from a100_sxm, l40s" in str(one.how) for one in found)
    assert (np.diff(seconds) >= 0).all()
    assert (seconds >= 2 * m * 4096 * 16384 / device.peak_flops.bf16).all()


def test_those_rows_themselves_keep_their_fit():
    rows = gemm_kind.named("int8_wo")
    told = calibrated.predict(GEMM, (64.0, 4096.0, 4096.0), rows, H100, backend="sglang")
    assert told.how == "calibrated"
    assert predict(64.0, 4096.0, 4096.0, rows, H100, backend="sglang").how == "transferred (from a100_sxm, l40s)"


def test_a_roofline_is_always_extrapolated_and_what_is_fused_is_not():
    norm = next(op for op in zoo.build("resnet18").ops if op.kind == "norm")
    assert bool(fitted_roofline.predict(norm, precision("bf16"), H100).extrapolated)
    assert not bool(fitted_roofline.predict(replace(norm, launches=0.0), precision("bf16"), H100).extrapolated)
