"""Power of few rows: constants moved towards a known truth, what is left out, and two boards that were measured."""

from dataclasses import replace

import numpy as np
import pytest
from gemm_rows_strategies import made_rows

from costmodel import hardware
from costmodel.estimators import gemm_kind, power_prediction
from costmodel.estimators.gpu_power import power_w
from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import few_power_fit, power_fit, rows_file
from profilers.fit import calibrate, validate
from profilers.measured_rows import check

A100, FP32 = hardware.gpu("a100_sxm"), gemm_kind.named("float32")


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def rows():
    """Thirty products in fp32 on an A100 whose pipe takes twice the joules that are carried to it."""
    made = made_rows(gpu="a100_sxm", math="float32", noise=0.01, backend="")
    few = made.iloc[np.random.default_rng(0).choice(len(made), 30, replace=False)].reset_index(drop=True)
    busy = power_fit.busy_of(few, FP32, A100, few.latency_s.to_numpy())
    lent = power_prediction.carried(power_prediction.donor("fp32", A100, calibrations("power")), "fp32", A100)
    return few.assign(power_w=power_w(busy, A100, replace(lent, math=2.0 * lent.math)))


def test_rows_move_the_joules_of_their_pipe_and_nothing_else(rows):
    (fit,) = few_power_fit.calibrate(rows, measured_on="", source="made")
    lent = power_prediction.carried(power_prediction.donor("fp32", A100, calibrations("power")), "fp32", A100)
    assert fit.how == "transferred"
    assert fit.constants["math"] == pytest.approx(2.0 * lent.math, rel=0.15)
    assert all(fit.constants[name] == pytest.approx(getattr(lent, name), rel=1e-4) for name in ("idle", "dram", "l2"))
    assert fit.held_out_error["analytic_median"] < 0.5 * fit.held_out_error["carried_median"]


def test_too_few_rows_and_dequantising_kernels_are_told(rows):
    told = []
    spoiled = rows.assign(math=np.where(np.arange(len(rows)) < 4, "float32", "int4_wo"))
    assert few_power_fit.calibrate(spoiled, measured_on="", source="made", tell=told.append) == []
    assert "4 rows with power, at least 5" in told[0]
    assert "dequantising" in told[1]


def test_calibrate_writes_it_beside_latency_and_estimates_take_it(rows, tmp_path):
    calibrate(rows, folder=tmp_path / "calibrations")
    assert "a100_sxm_power.toml" in {path.name for path in (tmp_path / "calibrations").iterdir()}
    done = validate(rows)
    assert set(done.power_how) == {"transferred"}
    assert (done.predicted_w / done.power_w - 1.0).abs().median() < 0.1


@pytest.fixture(scope="module")
def boards():
    """The products of an H100 and of an H200 whose power the board's energy counter told."""
    files = ("h100_sxm_power_rows", "h200_sxm_torch_rows")
    rows = [rows_file.read(FOLDER / f"{name}.parquet") for name in files]
    kept = [part[(part.table == "gemm") & part.power_w.notna()].reset_index(drop=True) for part in rows]
    assert all((part.power_by == "energy counter").all() for part in kept)
    return kept


@pytest.mark.parametrize(("board", "name"), [(0, "h100_sxm_power"), (1, "h200_sxm_own_power")])
def test_the_committed_fits_are_what_these_rows_give(boards, board, name):
    told = []
    own = check(boards[board].dropna(axis=1, how="all"))
    made = few_power_fit.calibrate(own, measured_on="", source="", tell=told.append)
    committed = read(FOLDER / f"{name}.toml")
    assert [fit.math for fit in made] == [fit.math for fit in committed]
    for fit, kept in zip(made, committed, strict=True):
        assert fit.constants == pytest.approx(kept.constants, rel=1e-3)
        assert fit.intervals == kept.intervals
        assert kept.held_out_error["analytic_mape"] < kept.held_out_error["carried_mape"]
    assert any("carried constants err no more" in line or "all constants of its circuits" in line for line in told)


def test_both_16_bit_formats_draw_the_same_and_estimates_take_what_validate_does(boards):
    for name in ("a100_sxm", "h100_sxm", "h200_sxm", "l40s"):
        fits = [power_prediction.donor(pipe, hardware.gpu(name), calibrations("power")) for pipe in ("fp16", "bf16")]
        assert fits[0] is fits[1]
    done = validate(boards[1])
    fp8 = done[done.math.isin(["fp8", "fp8_static"])]
    assert set(fp8.power_how) == {"calibrated"}
    assert power_prediction.donor("fp8", hardware.gpu("h200_sxm"), calibrations("power")).math == "fp8_block"


@pytest.mark.parametrize(("board", "mean", "median", "held"), [(0, 0.21, 0.17, 0.92), (1, 0.24, 0.06, 0.9)])
def test_power_carried_from_the_other_board_errs_as_stated(boards, board, mean, median, held):
    done = validate(boards[board], "spec")
    done = done[~done.math.str.endswith("_wo")]
    error = (done.predicted_w / done.power_w - 1.0).abs()
    assert error.mean() < mean
    assert error.median() < median
    assert ((done.low_w <= done.power_w) & (done.power_w <= done.high_w)).mean() > held


def test_intervals_of_dequantising_and_sparse_kernels_hold_and_none_is_called_calibrated(boards):
    for part in boards:
        done = validate(part[part.math.str.contains("_wo|_24")])
        assert done.power_how.str.startswith("transferred (from ").all()
        assert ((done.low_w <= done.power_w) & (done.power_w <= done.high_w)).mean() > 0.93
