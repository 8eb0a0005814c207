"""Laws of the power model, and of what is carried to devices and pipes that nobody measured."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel import hardware
from costmodel.estimators import power_prediction
from costmodel.estimators.gpu_power import L2_OVER_DRAM, Activity, PowerConstants, activity, power_w
from costmodel.estimators.prediction import Prediction
from costmodel.hardware.calibration import FOLDER, read

FITS = read(FOLDER / "h200_sxm_power.toml")
CONSTANTS = PowerConstants(**FITS[0].constants)
H200 = hardware.gpu("h200_sxm")

shares = st.floats(0.0, 1.0)


@given(shares, shares, shares, shares)
def test_more_activity_never_draws_less(math, dram, l2, more):
    low = power_w(Activity(math, dram, l2), H200, CONSTANTS)
    for busier in (Activity(min(math + more, 1), dram, l2), Activity(math, min(dram + more, 1), l2)):
        assert power_w(busier, H200, CONSTANTS) >= low - 1e-9
    assert CONSTANTS.idle * H200.power_w * 0.99 <= low <= CONSTANTS.ceiling * H200.power_w * 1.0001


def test_a_batch_is_its_single_cases():
    math, dram = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 7))
    batch = power_w(Activity(math, dram, 0.5), H200, CONSTANTS)
    single = [power_w(Activity(a, b, 0.5), H200, CONSTANTS) for a, b in zip(math.flat, dram.flat, strict=True)]
    np.testing.assert_allclose(batch.reshape(-1), single, rtol=1e-12)


def test_small_operands_come_from_l2_and_large_ones_from_dram():
    common = {"flops": 0.0, "stream_bytes": 0.0, "peak_flops_per_s": 1e15, "gpu": H200}
    small = activity(weight_bytes=1e6, latency_s=1e6 / H200.memory_bytes_per_s, **common)
    large = activity(weight_bytes=1e9, latency_s=1e9 / H200.memory_bytes_per_s, **common)
    assert max(small.dram, large.l2) < 0.01
    assert min(small.l2, large.dram) > 0.9
    fast = activity(weight_bytes=1e6, latency_s=1e-12, **common)
    assert fast.l2 == L2_OVER_DRAM


@pytest.mark.parametrize("name", ["h100_sxm", "a100_sxm", "l40s", "t4", "b200_sxm", "jetson_orin", "v100_sxm"])
def test_every_device_gets_a_power_within_its_limit(name):
    gpu = hardware.gpu(name)
    pipes = np.array(["bf16", "fp16", "fp8", "int8", "fp32"])
    p = power_prediction.of_activity(Activity(np.full(5, 0.7), np.full(5, 0.5), 0.0), pipes, gpu, fits=FITS)
    assert (p.power_w > 0.15 * gpu.power_w).all()
    assert (p.power_w <= 1.05 * gpu.power_w).all()
    assert ((p.low_w <= p.power_w) & (p.power_w <= p.high_w)).all()
    assert all(how.startswith("transferred (from h200_sxm") for how in p.how)


def test_its_own_pipe_is_calibrated_and_another_is_not():
    busy = Activity(np.array([0.5, 0.5]), np.array([0.5, 0.5]), np.zeros(2))
    p = power_prediction.of_activity(busy, np.array(["bf16", "int8"]), H200, fits=FITS)
    assert p.how.tolist() == ["calibrated", "transferred (from h200_sxm fp8_block)"]
    width = p.high_w / p.low_w
    assert width[1] > width[0]


def test_ops_of_a_network():
    workload = cm.zoo.build("resnet18")
    ops, precision = workload.batch_of_ops, cm.precision("w16a16")
    p = power_prediction.predict(ops, precision, H200, np.full(len(workload.ops), 1e-5), fits=FITS)
    assert p.power_w.shape == (len(workload.ops),)
    assert np.isfinite(p.power_w).all()


def test_nothing_calibrated_is_an_error():
    with pytest.raises(ValueError, match="nothing to carry"):
        power_prediction.donor("bf16", H200, [])


def test_estimate_reports_energy_as_power_times_latency_with_an_interval():
    found = cm.estimate(cm.zoo.build("resnet18"), cm.W16A16, H200)
    power = power_prediction.predict(
        found.workload.batch_of_ops, cm.stack(found.precisions), H200, found.columns["latency_s"]
    )
    np.testing.assert_allclose(found.columns["energy_j"], power.power_w * found.columns["latency_s"])
    assert (found.columns["energy_low_j"] <= found.columns["energy_j"]).all()
    assert (found.columns["energy_j"] <= found.columns["energy_high_j"]).all()
    assert set(found.columns["energy_source"]) == {"calibrated"}
    assert 0.15 * H200.power_w < found.totals["power_w"] < H200.power_w
    assert found.totals["power_w"] == pytest.approx(found.totals["energy_j"] / found.totals["latency_s"])


def test_a_measured_energy_interval_serves_products_as_long_and_known_as_well_as_those_measured():
    told = {"energy_latency": "spec", "energy_from_s": 1e-5, "energy_low": 0.5, "energy_high": 2.0}
    fit = replace(FITS[0], intervals={**FITS[0].intervals, **told})
    how = np.array(["spec (from a100_sxm)", "calibrated", "spec", "spec"])
    pipe, latency_s = np.array(["bf16", "bf16", "bf16", "fp8"]), np.array([2e-5, 2e-5, 1e-6, 2e-5])
    below, above = power_prediction.energy_scales(pipe, latency_s, how, H200, [fit])
    assert below.tolist() == [0.5, 1.0, 1.0, 1.0]
    assert above.tolist() == [2.0, 1.0, 1.0, 1.0]
    elsewhere = power_prediction.energy_scales(pipe, latency_s, how, hardware.gpu("h100_sxm"), [fit])
    assert (np.array(elsewhere) == 1.0).all()


def test_energy_half_widths_join_in_quadrature_and_scale():
    power = power_prediction.PowerPrediction(100.0, 100.0 * np.exp(-0.3), 100.0 * np.exp(0.3), "calibrated")
    latency = Prediction(1e-3, 1e-3 * np.exp(-0.4), 1e-3 * np.exp(0.4), "compute", False, "spec", 1.0)
    low, middle, high = power_prediction.energy_of(power, latency, below=0.5)
    assert (middle, low, high) == pytest.approx((0.1, 0.1 * np.exp(-0.25), 0.1 * np.exp(0.5)))


def test_an_estimate_prints_as_one_line_of_totals():
    shown = repr(cm.estimate(cm.zoo.build("resnet18"), cm.W16A16, H200))
    assert shown.startswith("<Estimate of resnet18 on h200_sxm: params=1.16895e+07")
    assert len(shown) < 1000
