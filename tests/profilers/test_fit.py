"""Fits on rows whose truth is known, and the committed calibrations on measured rows."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gemm_rows_strategies import TRUE, made_rows

from costmodel import hardware
from costmodel.estimators import gemm_kind, gpu_gemm
from costmodel.estimators.gemm_constants import GemmConstants
from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import error_tables, pair_split
from profilers.constants_fit import fit_constants
from profilers.fit import calibrate, validate
from profilers.gemm_table import PRIOR

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpu" / "gemm.parquet"
BF16, H100 = gemm_kind.named("bfloat16"), hardware.gpu("h100_sxm")


def mape(rows, constants):
    shape = (rows[name].to_numpy() for name in "mnk")
    predicted = gpu_gemm.latency_s(*shape, BF16, H100, GemmConstants(**constants))
    return float(np.mean(np.abs(predicted / rows.latency_s - 1)))


def test_known_constants_are_recovered():
    rows = made_rows(noise=0.01)
    found = fit_constants(rows, BF16, H100)
    assert mape(made_rows(), found) < 0.005
    for name in ("compute_efficiency", "memory_efficiency", "l2_fraction"):
        assert found[name] == pytest.approx(getattr(TRUE, name), rel=0.02)
    assert fit_constants(rows, BF16, H100) == found


def test_thirty_rows_beat_the_prior_alone():
    rows = made_rows(noise=0.02)
    alone = mape(rows, asdict(PRIOR))
    adapted = [mape(rows, fit_constants(rows.sample(30, random_state=s), BF16, H100, starts=1)) for s in range(3)]
    assert max(adapted) < alone
    assert np.mean(adapted) < 0.6 * alone


def test_shares_stay_shares():
    rows = made_rows()
    found = fit_constants(rows.assign(latency_s=rows.latency_s / 3), BF16, H100, starts=1)
    assert max(found[name] for name in ("compute_efficiency", "memory_efficiency", "wave_rounding")) <= 1.0


def test_calibrating_writes_what_reading_finds_and_predicts_held_out_pairs(home, quick):
    rows = made_rows(noise=0.03)
    bumpy = rows.assign(latency_s=rows.latency_s * np.where((rows.m > 100) & (rows.n > 1000), 1.2, 1.0))
    paths = calibrate(bumpy)
    assert [path.name for path in paths] == ["h100_sxm_gemm.toml", "h100_sxm_gemm_residual.npz"]
    (fit,) = read(paths[0])
    assert (fit.device, fit.math, fit.backend, fit.how) == ("h100_sxm", "bfloat16", "mine", "calibrated")
    assert fit.measured_on == "h100_sxm"
    assert 0.02 < fit.held_out_error["residual_mape"] < 0.04 < fit.held_out_error["roofline_mape"]
    done = validate(bumpy)
    assert set(done.how) == {"calibrated"}
    test = done[pair_split.held_out(done)]
    error = np.abs(test.predicted_s / test.latency_s - 1)
    assert error.mean() == pytest.approx(fit.held_out_error["residual_mape"], abs=2e-5)
    assert 0.85 < np.mean((test.low_s <= test.latency_s) & (test.latency_s <= test.high_s)) < 0.95
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in calibrate(bumpy)] == first


def test_few_rows_move_the_constants_of_others(home):
    rows = made_rows(noise=0.02, gpu="a100_sxm", math="bfloat16")
    few = rows[rows.m <= 2048].sample(30, random_state=1)
    (path,) = calibrate(few)
    (fit,) = read(path)
    assert (fit.how, fit.rows) == ("transferred", 30)
    done = validate(rows)
    spec = validate(rows, "spec")
    assert set(done.how) == {"transferred"}
    assert set(spec.how) == {"spec (from h100_sxm, l40s)"}
    adapted, alone = (np.mean(np.abs(x.predicted_s / x.latency_s - 1)) for x in (done, spec))
    assert adapted < alone
    assert done.extrapolated.any()


def committed():
    return [fit for path in sorted(FOLDER.glob("*_gemm.toml")) for fit in read(path) if not fit.by_name]


def test_committed_calibrations_load_and_state_their_source():
    fits = committed()
    assert {fit.device for fit in fits} >= {"h100_sxm", "a100_sxm", "l40s"}
    for fit in fits:
        assert fit.source
        assert fit.rows > 1000
        assert fit.held_out_error["residual_mape"] < fit.held_out_error["analytic_mape"] + 0.01
        assert sum(path.stat().st_size for path in FOLDER.glob(f"{fit.device}_gemm*")) < 1.05e6


def test_committed_errors_are_reproduced_on_held_out_pairs(monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    if not MEASURED.is_file():
        assert calibrations("gemm")
        return
    rows = pd.read_parquet(MEASURED)
    test = rows[pair_split.held_out(rows)].sample(20000, random_state=0)
    done = validate(test)
    assert set(done.how) == {"calibrated"}
    error = (done.predicted_s / done.latency_s - 1).abs().groupby([done.gpu, done.math, done.backend]).mean()
    inside = ((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).mean()
    assert 0.87 < inside < 0.93
    for fit in committed():
        stated = fit.held_out_error["residual_mape"]
        assert error[fit.device, fit.math, fit.backend] == pytest.approx(stated, rel=0.2)


def test_networks_are_of_one_fold_where_a_model_of_its_own_predicted_each():
    """Two folds whose models err by the same factor in opposite ways: mixed, their errors cancel in a sum."""
    rows = made_rows(sizes=(512, 1024, 2048, 4096), ms=(1, 64, 512, 4096)).sort_values(["m", "n", "k"])
    fold = np.arange(len(rows)) % 2
    predicted_s = rows.latency_s.to_numpy() * np.where(fold == 1, 1.05, 1 / 1.05)
    ends = (predicted_s * 0.93, predicted_s * 1.07)
    mixed = error_tables.correlation(rows, predicted_s, *ends)
    assert error_tables.correlation(rows, predicted_s, *ends, fold=fold) > mixed + 0.1


def test_a_sum_needs_what_the_worst_fold_does():
    """A model that errs by nothing on one fold and by a shared factor on the other will be either on new layers."""
    rows = made_rows(sizes=(512, 1024, 2048, 4096), ms=(1, 64, 512, 4096)).sort_values(["m", "n", "k"])
    fold = np.arange(len(rows)) % 2
    predicted_s = rows.latency_s.to_numpy() * np.where(fold == 1, 1.05, 1.0)
    ends = (predicted_s * 0.93, predicted_s * 1.07)
    worst = fold == 1
    alone = error_tables.correlation(rows[worst], predicted_s[worst], *(end[worst] for end in ends))
    assert error_tables.correlation(rows, predicted_s, *ends, fold=fold) == alone > 0.3


@pytest.mark.long
@pytest.mark.skipif(not MEASURED.is_file(), reason="no measured rows beside the checkout")
def test_a_shipped_calibration_is_what_calibrate_makes_now(home, tmp_path):
    """Of the device and table that take least: every figure of the file but the last digits of a machine's own."""
    shipped = read(FOLDER / "a100_sxm_attention.toml")
    calibrate(
        pd.read_parquet(MEASURED.with_name("attention.parquet")), "a100_sxm", folder=tmp_path, source=shipped[0].source
    )
    made = read(tmp_path / "a100_sxm_attention.toml")
    for own, again in zip(shipped, made, strict=True):
        assert again.constants == pytest.approx(dict(own.constants), rel=1e-3)
        assert again.held_out_error == pytest.approx(dict(own.held_out_error), rel=2e-2, abs=1e-3)
        assert again.ranges == own.ranges
        for name, values in own.intervals.items():
            np.testing.assert_allclose(again.intervals[name], values, rtol=0.05, atol=0.02, err_msg=name)
