"""The analytic GEMM model: one formula for scalars and grids, and the laws it must obey."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel import hardware
from costmodel.catalog import UnknownNameError
from costmodel.estimators import gemm_kind, gpu_gemm
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.estimators.latency_model import bound
from costmodel.precision import precision
from costmodel.record import mesh, stack

CONSTANTS = GemmConstants(
    compute_efficiency=0.8, memory_efficiency=0.8, sm_rate=1.4, l2_rate=0.22, l2_fraction=0.8, mma_floor=1.1,
    wave_rounding=0.3, overlap=1.0, launch_cycles=1500.0, tile_cycles=3500.0, split_cycles=4800.0, dequant_rate=0.9,
    quant_cycles=3.0, quant_efficiency=0.5,
)  # fmt: skip
GPUS = ("h100_sxm", "a100_sxm", "l40s")
SIZES = st.integers(1, 2**16).map(float)
KINDS = st.sampled_from(sorted(gemm_kind.KINDS)).map(gemm_kind.named)
H100 = hardware.gpu("h100_sxm")
BF16 = gemm_kind.named("bfloat16")


def latency(m, n, k, kind=BF16, gpu=H100, constants=CONSTANTS):
    return gpu_gemm.latency_s(m, n, k, kind, gpu, constants)


@given(st.lists(st.tuples(SIZES, SIZES, SIZES), min_size=1, max_size=20), KINDS)
def test_an_array_equals_its_scalars(shapes, kind):
    m, n, k = np.array(shapes).T
    together = latency(m, n, k, kind)
    assert together.shape == (len(shapes),)
    np.testing.assert_allclose(together, [latency(*shape, kind) for shape in shapes], rtol=1e-13)


def test_a_grid_over_kinds_devices_and_constants_equals_its_cells():
    gpus = [replace(hardware.gpu(name), sources={}) for name in GPUS]
    kinds = [gemm_kind.named(name) for name in ("bfloat16", "int4_wo", "int8_wo")]
    constants = [CONSTANTS, replace(CONSTANTS, compute_efficiency=0.6, quant_cycles=9.0)]
    kind_axis, gpu_axis, constant_axis = mesh(kinds, gpus, constants)
    found = latency(300.0, 4096.0, 1000.0, kind_axis, gpu_axis, constant_axis)
    assert found.shape == (3, 3, 2)
    for (i, j, c), cell in np.ndenumerate(found):
        assert cell == pytest.approx(latency(300.0, 4096.0, 1000.0, kinds[i], gpus[j], constants[c]), rel=1e-13)


def test_chunks_leave_no_seam():
    m = np.arange(1.0, 10001.0)
    found = latency(m, 512.0, 777.0)
    at = [0, 4095, 4096, 8191, 8192, 9999]
    np.testing.assert_allclose(found[at], [latency(m[i], 512.0, 777.0) for i in at], rtol=1e-13)
    assert latency(np.zeros((0,)), 512.0, 777.0).shape == (0,)


@given(SIZES, SIZES, SIZES, KINDS, st.floats(1.0, 8.0))
def test_larger_is_never_faster(m, n, k, kind, factor):
    base = latency(m, n, k, kind) * (1 - 1e-9)
    assert latency(np.ceil(m * factor), n, k, kind) >= base
    assert latency(m, np.ceil(n * factor), k, kind) >= base
    assert latency(m, n, np.ceil(k * factor), kind) >= base


@given(SIZES, SIZES, SIZES, KINDS, st.floats(1.0, 8.0))
def test_a_better_device_is_never_slower(m, n, k, kind, factor):
    base = latency(m, n, k, kind) * (1 + 1e-9)
    peaks = replace(H100.peak_flops, **{kind.pipe: H100.peak_flops.of(kind.pipe) * factor})
    for better in (
        replace(H100, memory_bytes_per_s=H100.memory_bytes_per_s * factor),
        replace(H100, l2_bytes=H100.l2_bytes * factor),
        replace(H100, peak_flops=peaks),
    ):
        assert latency(m, n, k, kind, better) <= base


@given(SIZES, SIZES, SIZES)
def test_never_below_the_arithmetic_and_the_launch(m, n, k):
    peak = H100.peak_flops.bf16 * CONSTANTS.compute_efficiency
    assert latency(m, n, k) >= 2 * m * n * k / peak * (1 - 1e-9)
    assert latency(m, n, k) >= CONSTANTS.launch_cycles / H100.clock_hz


def test_a_large_product_runs_at_the_fitted_share_of_the_peak():
    time_s = latency(32768.0, 32768.0, 32768.0)
    achieved = 2 * 32768.0**3 / time_s / H100.peak_flops.bf16
    assert 0.95 * CONSTANTS.compute_efficiency < achieved <= CONSTANTS.compute_efficiency


def test_a_product_within_l2_beats_the_dram_roofline():
    l40s, bf16 = hardware.gpu("l40s"), gemm_kind.named("bfloat16")
    within = gpu_gemm.terms(1.0, 1024.0, 1024.0, bf16, l40s, CONSTANTS)
    without = gpu_gemm.terms(1.0, 1024.0, 1024.0, bf16, replace(l40s, l2_bytes=1e3), CONSTANTS)
    assert within.memory_s < 2 * 1024 * 1024 / l40s.memory_bytes_per_s < without.memory_s


def test_terms_and_bounds():
    m, n, k = np.array([1.0, 1.0, 8192.0]), np.array([32.0, 16384.0, 8192.0]), np.array([32.0, 16384.0, 8192.0])
    parts = gpu_gemm.terms(m, n, k, gemm_kind.named("bfloat16"), H100, CONSTANTS)
    np.testing.assert_allclose(parts.latency_s, latency(m, n, k), rtol=1e-13)
    assert bound(parts).tolist()[1:] == ["memory", "compute"]
    assert (parts.runner_up >= 1).all()
    assert bound(gpu_gemm.terms(1.0, 16384.0, 16384.0, gemm_kind.named("bfloat16"), H100, CONSTANTS)) == "memory"


def test_work_around_the_product_costs_time():
    slow = latency(4096.0, 64.0, 4096.0, gemm_kind.named("fp8"))
    assert slow > latency(4096.0, 64.0, 4096.0, gemm_kind.named("fp8_static"))
    without = replace(gemm_kind.named("int8_wo"), weight_only=False)
    assert latency(4096.0, 4096.0, 4096.0, gemm_kind.named("int8_wo")) > latency(4096.0, 4096.0, 4096.0, without)


def test_a_pipe_that_is_missing_gives_nan():
    assert np.isnan(latency(1.0, 1.0, 1.0, gemm_kind.named("fp8"), hardware.gpu("a100_sxm")))
    batch = stack([gemm_kind.named("bfloat16"), gemm_kind.named("fp8")])
    assert np.isnan(latency(64.0, 64.0, 64.0, batch, hardware.gpu("a100_sxm"))).tolist() == [False, True]


@pytest.mark.parametrize(
    ("spelling", "math", "weight_bytes", "pipe"),
    [
        ("w16a16", "bfloat16", 2.0, "bf16"),
        ("w8a16", "int8_wo", 1.0, "bf16"),
        ("w4a16", "int4_wo", 0.5, "bf16"),
        ("int4_g128/bf16", "int4_wo", 0.5 + 16 / 128 / 8, "bf16"),
        ("w8a8", "sq", 1.0, "int8"),
        ("fp8_e4m3/fp8_e4m3", "fp8", 1.0, "fp8"),
        ("w32a32", "bfloat16", 4.0, "fp32"),
    ],
)
def test_kinds_of_precisions(spelling, math, weight_bytes, pipe):
    kind = gemm_kind.of(precision(spelling))
    assert (kind.math, kind.pipe) == (math, pipe)
    assert kind.weight_bytes == pytest.approx(weight_bytes)
    assert kind.weight_only == math.endswith("_wo")


def test_an_unknown_math_lists_near_names():
    with pytest.raises(UnknownNameError, match="did you mean bfloat16"):
        gemm_kind.named("bfloat")
