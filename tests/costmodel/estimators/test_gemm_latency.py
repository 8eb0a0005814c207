"""The face over the GEMM models: which constants are taken, what is said of it, and what bounds it."""

from dataclasses import fields, replace

import numpy as np
import pytest

import costmodel as cm
from costmodel import hardware
from costmodel.catalog import UnknownNameError
from costmodel.estimators import gemm_kind, gpu_latency, uncertainty
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.gemm_latency import GEMM, OTHER_FAMILY, OTHER_SOFTWARE, answering, predict
from costmodel.estimators.transfer import DEVICE_SHARE, carried, logs
from costmodel.hardware.calibration import calibrations
from costmodel.workload.ops import linear
from profilers import gemm_table

H100, L40S, H200 = (hardware.gpu(name) for name in ("h100_sxm", "l40s", "h200_sxm"))
BF16, FP8 = gemm_kind.named("bfloat16"), gemm_kind.named("fp8")
SHAPE = (np.array([1.0, 300.0, 8192.0]), 4096.0, 4096.0)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))


def test_an_array_equals_its_scalars_with_the_residual():
    together = predict(*SHAPE, BF16, H100, backend="vllm")
    alone = [predict(m, 4096.0, 4096.0, BF16, H100, backend="vllm") for m in SHAPE[0]]
    assert alone[0].latency_s.shape == ()
    for name in ("latency_s", "low_s", "high_s"):
        np.testing.assert_allclose(getattr(together, name), [getattr(p, name) for p in alone], rtol=1e-12)
    assert together.bound.tolist() == [str(p.bound) for p in alone]


def test_how_names_what_was_used():
    def how(kind, gpu, **given):
        return predict(*SHAPE, kind, gpu, **given).how

    assert how(BF16, H100, backend="vllm") == "calibrated"
    assert how(BF16, H100) == how(BF16, H100, backend="new") == "calibrated (pooled trtllm, vllm)"
    assert how(gemm_kind.named("sq"), H100) == "transferred (from a100_sxm, l40s)"
    assert how(BF16, H100, level="transfer") == "transferred (from a100_sxm, l40s)"
    assert how(BF16, H100, level="spec") == "spec (from a100_sxm, l40s)"
    assert how(BF16, H200) == "spec (from a100_sxm, h100_sxm, l40s)"


def test_kernels_of_another_backend_are_less_sure_unless_the_vendor_wrote_them():
    sq = gemm_kind.named("sq")
    unnamed, named, other = (predict(*SHAPE, sq, H100, backend=b) for b in ("", "trtllm", "vllm"))
    np.testing.assert_array_equal(unnamed.latency_s, named.latency_s)
    np.testing.assert_array_equal(unnamed.high_s, other.high_s)
    assert (named.high_s < unnamed.high_s).all()
    assert (unnamed.high_s >= unnamed.latency_s * np.exp(OTHER_FAMILY[1]) * (1 - 1e-9)).all()
    assert named.correlation < unnamed.correlation == 1.0
    library, spec = (predict(*SHAPE, BF16, H100, level=level) for level in ("transfer", "spec"))
    np.testing.assert_array_equal(library.latency_s, spec.latency_s)
    assert (library.high_s >= spec.high_s).all()


def test_a_carried_interval_goes_by_pooled_errors_and_no_single_stratum():
    int8, b200 = gemm_kind.named("int8_wo"), hardware.gpu("b200_sxm")
    found = predict(*SHAPE, int8, b200)
    fits = [fit for fit in answering("int8_wo", "") if fit.math == "int8_wo"]
    least, most = np.max([fit.intervals["spec_pooled"] for fit in fits], axis=0)
    half = np.log(found.latency_s / found.low_s) + OTHER_SOFTWARE[""][0]
    assert (half >= least - 1e-9).all()
    assert (half <= most + 1e-9).all()
    assert max(max(fit.intervals["spec_high"]) for fit in fits) > most


def test_a_single_donor_device_is_asked_for_all_of_its_backends():
    found = predict(*SHAPE, FP8, L40S, backend="vllm", level="spec")
    fits = [fit for fit in calibrations("gemm") if (fit.device, fit.math) == ("h100_sxm", "fp8")]
    assert len(fits) == 3
    assert (np.log(found.high_s / found.latency_s) >= max(f.intervals["spec_pooled"][0] for f in fits) - 1e-9).all()


def test_other_kinds_of_a_device_set_a_floor():
    sq = gemm_kind.named("sq")
    own = [fit.intervals["transfer_pooled"] for fit in calibrations("gemm") if fit.device == "h100_sxm"]
    found = predict(*SHAPE, sq, H100, backend="trtllm")
    assert (np.log(found.latency_s / found.low_s) >= np.median(own) - 1e-9).all()


def test_a_kind_that_one_device_alone_measured_is_carried_from_the_nearest_kind():
    found = predict(*SHAPE, gemm_kind.named("fp8_block"), H100, level="spec")
    assert found.how == "spec (from l40s)"
    assert (found.latency_s > 0).all()


def test_a_pooled_backend_lies_between_and_its_interval_spans_all_and_other_software():
    parts = [predict(*SHAPE, FP8, H100, backend=name) for name in ("sglang", "trtllm", "vllm")]
    pooled = predict(*SHAPE, FP8, H100)
    low, high = np.exp(OTHER_SOFTWARE[""])
    np.testing.assert_allclose(pooled.low_s, low * np.min([p.low_s for p in parts], axis=0))
    np.testing.assert_allclose(pooled.high_s, high * np.max([p.high_s for p in parts], axis=0))
    assert (parts[0].correlation < pooled.correlation) & (pooled.correlation == 1.0)
    np.testing.assert_allclose(pooled.latency_s, np.prod([p.latency_s for p in parts], axis=0) ** (1 / 3))


def test_software_that_nobody_measured_here_is_less_sure_than_what_was():
    own, unnamed, other = (predict(*SHAPE, BF16, L40S, backend=name) for name in ("vllm", "", "trtllm"))
    np.testing.assert_array_equal(own.latency_s, other.latency_s)
    np.testing.assert_allclose(np.log(unnamed.high_s / own.high_s), OTHER_SOFTWARE["bfloat16"][1])
    np.testing.assert_array_equal(unnamed.high_s, other.high_s)
    assert other.how == "calibrated (vllm)"


@pytest.mark.parametrize("level", ["auto", "transfer", "spec"])
@pytest.mark.parametrize("kind", gemm_kind.KINDS.values(), ids=lambda kind: kind.math)
def test_intervals_hold_their_prediction(kind, level):
    found = predict(*SHAPE, kind, L40S, level=level)
    assert (found.low_s > 0).all()
    assert (found.low_s <= found.latency_s).all()
    assert (found.latency_s <= found.high_s).all()


def test_less_knowledge_means_a_wider_interval():
    m = np.exp2(np.linspace(0, 13, 40)).round()
    widths = []
    for given in ({"backend": "vllm"}, {"backend": "vllm", "residual": False}, {"level": "spec"}):
        found = predict(m, 4096.0, 2048.0, BF16, H100, **given)
        widths.append(np.mean(found.high_s / found.low_s))
    assert widths[0] < widths[1] < widths[2]


def test_shapes_beyond_the_measured_ones_are_flagged():
    found = predict(np.array([64.0, 64.0, 1e6]), np.array([4096.0, 2e5, 4096.0]), 4096.0, BF16, H100, backend="vllm")
    assert found.extrapolated.tolist() == [False, True, True]


def test_a_sum_takes_the_stored_correlation():
    found = predict(*SHAPE, BF16, H100, backend="vllm")
    low, high = uncertainty.total(found.latency_s, found.low_s, found.high_s, [0, 1, 2], found.correlation)
    assert found.low_s.sum() <= low * (1 + 1e-9)
    assert low < found.latency_s.sum() < high
    assert 0.0 <= found.correlation <= 1.0


def test_what_no_rule_covers_is_one_line():
    with pytest.raises(ValueError, match="a100_sxm has no fp8 pipe, which fp8 needs"):
        predict(*SHAPE, FP8, hardware.gpu("a100_sxm"))
    with pytest.raises(UnknownNameError, match="calibration level 'specs'; did you mean spec"):
        predict(*SHAPE, BF16, H100, level="specs")
    with pytest.raises(ValueError, match="no calibrated device has 'sq', so there is nothing to carry to h100_sxm"):
        predict(*SHAPE, gemm_kind.named("sq"), H100, fits=[f for f in calibrations("gemm") if f.device == "h100_sxm"])


def test_carried_constants_are_a_weighted_geometric_mean():
    fits = calibrations("gemm")
    own = {name: [f for f in fits if f.device == name and f.math == "bfloat16"] for name in ("a100_sxm", "l40s")}
    found = carried(GEMM, "bfloat16", H100, [f for group in own.values() for f in group])
    means = {name: np.mean([logs(GEMM, f.constants) for f in group], axis=0) for name, group in own.items()}
    expected = np.exp((3 * means["a100_sxm"] + means["l40s"]) / 4)
    at = GEMM.names.index("compute_efficiency")
    assert found.compute_efficiency == pytest.approx(expected[at])
    unknown = replace(H100, memory_kind="")
    equal = carried(GEMM, "bfloat16", unknown, [f for group in own.values() for f in group])
    assert equal.compute_efficiency == pytest.approx(np.exp((means["a100_sxm"] + means["l40s"])[at] / 2))


@pytest.mark.parametrize(("one", "other"), [("a100_sxm", "a100_pcie"), ("h100_sxm", "h100_pcie")])
def test_a_board_of_the_same_die_with_less_bandwidth_does_not_decode_faster(one, other):
    """An A100 PCIe took 36.1 ms a token of 64 sequences beside the SXM board's 40.6."""
    step = cm.decode(cm.zoo.llama("3.1-8b"), batch=64, context=4096)
    own, carried = (cm.estimate(step, "bf16", hardware.gpu(name)).totals["latency_s"] for name in (one, other))
    assert carried > 0.99 * own


def test_kinds_that_do_the_same_beside_multiplying_tell_of_each_other():
    """Where int8 weights are launched in half the time int4 weights are launched faster, int8 products as ever."""
    fits = calibrations("gemm")
    quick = [
        replace(f, constants={**f.constants, "launch_cycles": f.constants["launch_cycles"] / 2})
        if (f.device, f.math) == ("l40s", "int8_wo")
        else f
        for f in fits
    ]

    def told(math, of):
        own = [f for f in of if (f.device, f.math) != ("l40s", math)]
        return carried(GEMM, math, L40S, own).launch_cycles

    assert told("int4_wo", quick) == pytest.approx(told("int4_wo", fits) * 0.5**DEVICE_SHARE)
    for math in ("sq", "bfloat16", "fp8"):
        assert told(math, quick) == told(math, fits)


@pytest.mark.parametrize("math", ["sq", "int8_wo", "int4_wo", "fp8_static", "float32", "tf32"])
def test_what_other_kinds_of_the_device_say_nothing_of_is_as_by_the_spec_sheet(math):
    """On an H100 fp8 and int8 weights that quantise activations made plain kernels up to 2.3 times slower."""
    kind = gemm_kind.named(math)
    own, spec = (predict(*SHAPE, kind, H100, level=level) for level in ("auto", "spec"))
    np.testing.assert_array_equal(own.latency_s, spec.latency_s)
    assert (own.high_s >= spec.high_s).all()


@pytest.mark.parametrize("spelling", ["w4a16", "w8a16", "w8a8", "fp16", "fp32", "tf32"])
def test_a_better_board_is_not_slower_where_neither_measured_a_kind(spelling):
    step = cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=2048)
    sxm, pcie = (cm.estimate(step, spelling, hardware.gpu(name)) for name in ("h100_sxm", "h100_pcie"))
    assert sxm.totals["latency_s"] < pcie.totals["latency_s"]


def test_narrow_weights_decode_no_slower_than_bf16_on_an_h100():
    step = cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=2048)
    int4, int8, wide = (cm.estimate(step, name, H100).totals["latency_s"] for name in ("w4a16", "w8a16", "bf16"))
    assert int4 < int8 < wide


@pytest.mark.parametrize(
    ("gpu", "how"),
    [
        ("h100_sxm", "transferred (fp16 as bf16 of pooled trtllm, vllm)"),
        ("b200_sxm", "spec (fp16 as bf16, from a100_sxm, h100_sxm, l40s)"),
    ],
)
def test_rows_and_networks_take_fp16_by_one_rule(gpu, how):
    device, m = hardware.gpu(gpu), 64
    row = predict(float(m), 4096.0, 4096.0, gemm_kind.named("float16"), device)
    layer = gpu_latency.predict(linear("fc", m, 4096, 4096), cm.precision("fp16"), device)
    assert row.how == str(layer.how) == how
    for name in ("latency_s", "low_s", "high_s"):
        assert float(getattr(row, name)) == pytest.approx(float(getattr(layer, name)))


def test_constants_of_the_same_sms_weigh_most():
    pcie, l4 = hardware.gpu("a100_pcie"), hardware.gpu("l4")
    rates = {f.device: f.constants["memory_efficiency"] for f in calibrations("gemm") if f.math == "bfloat16"}
    for gpu, near in ((pcie, "a100_sxm"), (l4, "l40s")):
        taken = carried(GEMM, "bfloat16", gpu, calibrations("gemm")).memory_efficiency
        assert abs(taken - rates[near]) < 0.3 * max(abs(rates[near] - rate) for rate in rates.values())


@pytest.mark.parametrize(
    ("math", "count"), [("bfloat16", 11), ("sq", 11), ("int4_wo", 12), ("fp8", 13), ("fp8_block", 13)]
)
def test_as_many_constants_are_fitted_as_their_record_says(math, count):
    assert len(gemm_table.free(gemm_kind.named(math), H100)) == count
    assert len(fields(GemmConstants)) == 14
