"""GPUs that this project measured itself: what fits of others' rows make of them, and fits of its own."""

from unittest import mock

import numpy as np
import pytest

import costmodel as cm
from costmodel import hardware
from costmodel.estimators import gemm_kind, gpu_latency
from costmodel.estimators.calibrated import predict
from costmodel.estimators.gemm_latency import GEMM
from costmodel.estimators.gpu_latency import AMID_S
from costmodel.hardware import calibration
from costmodel.hardware.calibration import FOLDER, every, read
from profilers import end_to_end, rows_file
from profilers.case import FORWARD, Case
from profilers.cases import GPU_CASES, MORE_CASES
from profilers.end_to_end import as_run
from profilers.fit import calibrate, validate
from profilers.split_rows import split


@pytest.fixture(scope="module")
def rows():
    return rows_file.read(FOLDER / "h100_sxm_torch_rows.parquet")


@pytest.fixture(scope="module")
def replayed():
    """Every pass of the H100 as a graph, predicted for the software that ran it."""
    networks = rows_file.read(FOLDER / "h100_sxm_torch_networks.parquet")
    return end_to_end.predicted(networks[networks.launched == "graph"]).assign(held=_held)


@pytest.fixture(scope="module")
def named(replayed):
    """Those of the networks of every campaign."""
    usual = {case[:3] for case in GPU_CASES}
    cases = zip(replayed.network, replayed.precision, replayed.batch, strict=True)
    wanted = np.array([case in usual for case in cases])
    return replayed[wanted & (replayed.run == FORWARD) & (replayed.backend == "torch")]


@pytest.fixture(scope="module")
def unnamed(named):
    return end_to_end.predicted(named.assign(backend=""))


def _held(done):
    return (done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)


def _of_group(replayed, group):
    wanted = {(*case[:4], case.software("torch")) for case in MORE_CASES[group]}
    named = zip(*(replayed[name] for name in ("network", "precision", "batch", "run", "backend")), strict=True)
    found = replayed[[case in wanted for case in named]]
    assert len(found) == len(wanted)
    return found


@pytest.mark.parametrize(
    ("group", "mean", "worst", "held"),
    [
        ("others", 0.19, 1.61, 44),
        ("prompts", 0.05, 0.12, 6),
        ("experts", 0.14, 0.41, 15),
        ("training", 0.26, 0.58, 9),
        ("compiled", 0.11, 0.33, 13),
    ],
)
def test_passes_that_no_fit_saw_err_as_stated(replayed, group, mean, worst, held):
    own = _of_group(replayed, group)
    assert own.error.abs().mean() < mean
    assert own.error.abs().max() < worst
    assert own.held.sum() == held


def test_nine_in_ten_passes_need_the_correlation_that_calls_of_one_pass_have(replayed):
    """Of halves the least: 0.5 less holds too few of the networks that nothing else saw."""
    others = _of_group(replayed, "others")
    assert others.held.mean() >= 0.9
    with mock.patch.object(gpu_latency, "SHARED", gpu_latency.SHARED - 0.5):
        fewer = end_to_end.predicted(others.drop(columns=["predicted_s", "low_s", "high_s", "error", "held"]))
    assert _held(fewer).mean() < 0.9


def test_every_row_says_how_it_was_measured(rows):
    assert set(rows.table) == {"attention", "gemm", "operation", "rate"}
    assert (rows.device_name == "NVIDIA H100 80GB HBM3").all()
    assert (rows.median_low_s <= rows.latency_s).all()
    assert "power_w" not in rows  # the driver's mean of a second, in which other calls ran, was no row's power
    assert set(rows.launched) <= {"graph", "stream"}


def test_products_in_bf16_are_as_the_shipped_calibration_says(rows):
    (products,) = (part for part in split(rows) if "int4_wo" in set(part["math"]))
    done = validate(products[products["math"] == "bfloat16"].assign(backend=""))
    assert np.abs(done.predicted_s / done.latency_s - 1.0).mean() < 0.08


def test_what_is_transferred_errs_no_more_than_the_spec_sheet(rows):
    """Kinds that no shipped fit of other software has on an H100, by the name of software that nobody measured."""
    (products,) = (part for part in split(rows) if "int4_wo" in set(part["math"]))
    some = products[~products["math"].isin(["bfloat16", "fp8", "int8_wo"])].assign(backend="unknown")
    own, spec = (validate(some, level) for level in ("auto", "spec"))
    errors = {name: (done.predicted_s / done.latency_s - 1.0).abs().groupby(done["math"]).mean()
              for name, done in (("own", own), ("spec", spec))}  # fmt: skip
    assert (errors["own"] <= errors["spec"] * 1.0001).all()
    inside = ((own.low_s <= own.latency_s) & (own.latency_s <= own.high_s)).groupby(own["math"]).mean()
    library = ["sq", "fp8_static", "float16", "float32", "tf32"]
    assert (inside[library] >= 0.95).all()
    assert inside.min() > 0.55  # of our own plain kernels for narrow weights, which no engine's fit tells of


@pytest.mark.parametrize(
    ("network", "fmt", "low", "high"),
    [
        ("vit_base_patch16_224", "bf16", -0.06, 0.10),
        ("llama-3.1-8b block", "bf16", -0.07, 0.07),
        ("resnet50", "bf16", -0.34, -0.31),
    ],
)
def test_whole_passes_of_no_named_software_err_as_stated(unnamed, network, fmt, low, high):
    own = unnamed[(unnamed.network == network) & (unnamed.precision == fmt)]
    assert len(own) == 3
    assert own.error.between(low, high).all()


@pytest.mark.parametrize(
    ("network", "worst"),
    [("resnet50", 0.14), ("vit_base_patch16_224", 0.21), ("llama-3.1-8b block", 0.08)],
)
def test_whole_passes_under_the_measured_software_err_as_stated(named, network, worst):
    own = named[named.network == network]
    assert len(own) >= 9
    assert (own.error.abs() < worst).all()


def test_intervals_of_passes_hold_as_many_as_stated(named):
    held = (named.low_s <= named.latency_s) & (named.latency_s <= named.high_s)
    assert held.sum() == 36


def test_fits_state_the_errors_of_rows_that_they_did_not_see():
    fits = {fit.math: fit for path in FOLDER.glob("h100_sxm_torch_*.toml") for fit in read(path)}
    assert all(fit.by_name and fit.backend == "torch" for fit in fits.values())
    assert fits["conv_bf16"].held_out_error["residual_mape"] < 0.2
    assert fits["ctx_bfloat16"].held_out_error["residual_mape"] < 0.1
    assert all(fit.held_out_error["residual_coverage"] > 0.88 for fit in fits.values())


@pytest.fixture(scope="module")
def h200_rows():
    return rows_file.read(FOLDER / "h200_sxm_torch_rows.parquet")


@pytest.fixture(scope="module")
def h200_passes():
    networks = rows_file.read(FOLDER / "h200_sxm_torch_networks.parquet")
    return end_to_end.predicted(networks[networks.launched == "graph"])


def test_a_device_measured_after_the_fits_is_predicted_by_them_as_stated(h200_rows):
    done = validate(h200_rows, level="spec")
    assert set(done.how) == {"spec (from h100_sxm)"}
    mean = (done.predicted_s / done.latency_s - 1.0).abs().groupby(done.math).mean()
    assert mean[["bfloat16", "fp8", "fp8_static", "sq", "ctx_bfloat16", "gen_bfloat16"]].max() < 0.1
    assert mean.max() < 0.28
    assert mean["conv_bf16"] < 0.13


def test_passes_of_a_device_by_its_own_fits_which_saw_no_pass(h200_passes):
    done = h200_passes
    assert len(done) == 54
    assert done.error.abs().mean() < 0.061
    assert (done.error.abs() < 0.23).all()
    assert ((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).sum() == 53


def test_what_a_call_takes_longer_amid_others_serves_a_device_that_had_no_part_in_it(h200_passes):
    device = end_to_end._under(hardware.gpu("h200_sxm"), "torch")
    cases = (h200_passes[name] for name in ("network", "precision", "batch"))
    calls = [sum(float(op.count) for op in as_run(Case(*case), device)[0]) for case in zip(*cases, strict=True)]
    alone = h200_passes.predicted_s - AMID_S * np.array(calls)
    assert h200_passes.error.abs().mean() < 0.7 * (alone / h200_passes.latency_s - 1.0).abs().mean()


def test_few_rows_of_a_device_tell_how_far_carried_fits_are_off_and_move_nothing(h200_rows, tmp_path, monkeypatch):
    for path in FOLDER.glob("*"):
        if not path.name.startswith("h200_sxm_torch_"):
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(calibration, "FOLDER", tmp_path)
    few = h200_rows.iloc[:1004]  # the first two minutes
    calibrate(few[few.math.isin(["sq", "conv_grouped_bf16", "norm_bf16"])], folder=tmp_path / "own")
    fits = {fit.math: fit for path in (tmp_path / "own").glob("*.toml") for fit in read(path)}
    givers = {fit.math: fit for path in FOLDER.glob("h100_sxm_torch_*.toml") for fit in read(path)}
    assert set(fits) == {"sq", "conv_grouped_bf16", "norm_bf16"}
    for math, fit in fits.items():
        assert (fit.device, fit.how) == ("h200_sxm", "transferred")
        assert fit.constants == givers[math].constants
        assert set(fit.residual) == set(givers[math].residual)
    widths = {math: fit.intervals["few_high"][0] for math, fit in fits.items()}
    assert widths["conv_grouped_bf16"] < widths["sq"] < 0.2 < widths["norm_bf16"]  # 14 rows of it show no ends


def test_a_device_never_measured_takes_the_calls_of_that_software_by_its_spec_sheet():
    network = cm.zoo.build("resnet50", batch=8)
    devices = (cm.device(f"{name}:torch") for name in ("h100_sxm", "h200_sxm", "h100_pcie", "l40s"))
    h100, h200, pcie, l40s = (cm.estimate(network, "bf16", device) for device in devices)
    assert h200.totals["latency_s"] < h100.totals["latency_s"] < l40s.totals["latency_s"]
    assert all("spec" in set(one.latency_sources) for one in (pcie, l40s))
    assert l40s.totals["latency_high_s"] > 1.3 * l40s.totals["latency_s"]


def test_trees_of_several_devices_are_carried_as_their_mean():
    kind, gpu = gemm_kind.named("int8_wo"), hardware.gpu("l40s")
    known = [fit for fit in every("gemm") if fit.by_name and fit.math == "int8_wo"]
    assert {fit.device for fit in known} == {"h100_sxm", "h200_sxm"}
    sizes = (np.array([1.0, 64.0, 4096.0]), np.array([4096.0, 4096.0, 4096.0]), np.array([4096.0, 4096.0, 4096.0]))
    with_trees, plain = (
        predict(GEMM, sizes, kind, gpu, backend="torch", residual=residual, fits=known) for residual in (True, False)
    )
    each = [
        np.log(a.latency_s / b.latency_s)
        for fit in known
        for a, b in [[predict(GEMM, sizes, kind, gpu, backend="torch", residual=r, fits=[fit]) for r in (True, False)]]
    ]
    moved = np.log(with_trees.latency_s / plain.latency_s)
    assert np.all(moved != 0.0)
    assert np.all((np.min(each, axis=0) - 0.1 < moved) & (moved < np.max(each, axis=0) + 0.1))


def test_a_named_backend_takes_its_fits_and_no_other_does():
    network = cm.zoo.build("resnet50", batch=8)
    plain, torch, vllm = (
        cm.estimate(network, "bf16", cm.device(f"h100_sxm{name}")) for name in ("", ":torch", ":vllm")
    )
    assert set(torch.latency_sources) == {"calibrated"}  # nothing fused: every call was measured by itself
    assert set(plain.latency_sources) == {"calibrated", "fitted roofline", "fused", "transferred"}
    assert vllm.source[0].startswith("transferred (convolution as implicit product; bfloat16 of h100_sxm")
    assert plain.source[0] == "transferred (convolution as cuDNN's; torch)"
