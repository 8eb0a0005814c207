"""Fits of power on rows whose truth is known, and the committed calibration on measured rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gemm_rows_strategies import made_rows

import costmodel as cm
from costmodel import hardware
from costmodel.estimators import gemm_kind
from costmodel.estimators.gpu_power import PowerConstants, power_w
from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import calibration_file, calibration_fit, energy_fit, pair_split, power_fit, scores
from profilers.boosting import Growth
from profilers.fit import calibrate, validate
from profilers.split_rows import split

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpu" / "power.parquet"
H200, BF16 = hardware.gpu("h200_sxm"), gemm_kind.named("bfloat16")
TRUE = PowerConstants(
    idle=0.15, math=0.8, dram=0.5, l2=0.1, math_exponent=1.1, dram_exponent=0.9, ceiling=0.97, sharpness=30.0
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    monkeypatch.setattr(power_fit, "GROWTH", Growth(trees=20, depth=3))


@pytest.fixture(scope="module")
def rows():
    made = made_rows(gpu="h200_sxm", noise=0.01)
    busy = power_fit._seen(made.assign(power_w=1.0), BF16, H200).busy
    noise = np.exp(np.random.default_rng(0).normal(0.0, 0.02, len(made)))
    return made.assign(power_w=power_w(busy, H200, TRUE) * noise)


def test_known_constants_are_found_again(rows):
    seen = power_fit._seen(rows, BF16, H200)
    found = power_fit._fit(seen, H200)
    exact = power_w(seen.busy, H200, TRUE)
    assert np.abs(power_w(seen.busy, H200, found) / exact - 1).mean() < 0.01
    assert found.idle == pytest.approx(TRUE.idle, rel=0.03)


def test_rows_that_read_an_idle_board_do_not_steer_the_fit(rows):
    low = np.random.default_rng(1).random(len(rows)) < 0.15
    spoiled = rows.assign(power_w=np.where(low, 110.0, rows.power_w))
    seen = power_fit._seen(spoiled, BF16, H200)
    exact = power_w(seen.busy, H200, TRUE)
    assert np.abs(power_w(seen.busy, H200, power_fit._fit(seen, H200)) / exact - 1)[~low].mean() < 0.05


def test_calibrate_writes_power_beside_latency(rows, tmp_path, monkeypatch):
    from profilers import calibration_fit, residual_fit

    monkeypatch.setattr(residual_fit, "SMALL", Growth(trees=10, depth=3))
    monkeypatch.setattr(residual_fit, "SPREAD", Growth(trees=10, depth=3))
    monkeypatch.setattr(calibration_fit, "ADAPTED_SEEDS", 1)
    paths = calibrate(rows, folder=tmp_path)
    assert {"h200_sxm_gemm.toml", "h200_sxm_power.toml"} <= {p.name for p in paths}
    (fit,) = read(tmp_path / "h200_sxm_power.toml")
    assert fit.held_out_error["residual_mape"] < 0.05
    assert 0.8 <= fit.held_out_error["analytic_coverage"] <= 1.0


def test_a_fit_of_latency_moves_no_power_that_was_fitted_with_another(rows, tmp_path):
    """The device's latency is fitted anew to rows that took four times as long, as where a host launches each."""
    folder = tmp_path / "calibrations"
    (fit,) = power_fit.calibrate(rows, measured_on="", source="")
    calibration_file.write([fit], folder)
    test = rows[pair_split.held_out(rows)]
    step = cm.prefill(cm.zoo.llama("3.1-8b"), batch=1, context=512)
    before, power = validate(test), watts(cm.estimate(step, "bf16", H200))
    inside = (before.low_w <= before.power_w) & (before.power_w <= before.high_w)
    assert inside.mean() == pytest.approx(fit.held_out_error["residual_coverage"], abs=1e-4)

    slow = rows.assign(latency_s=4.0 * rows.latency_s)
    some = slow.sample(30, random_state=0)
    own = calibration_fit.adapt(some, BF16, H200, calibrations("gemm"), calibration_fit.Labels())
    calibration_file.write([own], folder)
    after, slower = validate(test), cm.estimate(step, "bf16", H200)
    assert (after.predicted_s / before.predicted_s).median() > 2.0
    for name in ("predicted_w", "low_w", "high_w"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-9)
    np.testing.assert_allclose(watts(slower)[linear(slower)], power[linear(slower)], rtol=1e-6)
    assert power_fit.calibrate(rows, measured_on="", source="")[0].constants == fit.constants


def watts(found):
    return found.energy_j / found.latency_s


def linear(found):
    return np.array([op.kind == "linear" for op in found.workload.ops])


def test_energy_intervals_hold_what_was_measured(rows):
    (fit,) = power_fit.calibrate(rows, measured_on="", source="")
    found = fit.held_out_error
    assert found["energy_rows"] == pair_split.held_out(rows).sum()
    assert 0.8 <= found["energy_coverage"] <= 0.97
    assert fit.intervals["energy_latency"] == "spec"
    assert 0 < fit.intervals["energy_from_s"] <= rows.latency_s.quantile(0.1)


def test_short_rows_of_a_kind_launched_one_by_one_time_the_host():
    assert not energy_fit.paused(np.array([3e-6, 4e-6, 1e-3])).any()
    assert energy_fit.paused(np.array([5e-5, 1.2e-4, 1.3e-4])).tolist() == [True, True, False]


def test_validate_adds_power_columns_in_order(rows):
    shuffled = rows.sample(frac=1.0, random_state=0)
    done = validate(shuffled)
    assert (done.index == shuffled.index).all()
    assert (done.power_w == shuffled.power_w).all()
    assert ((done.low_w <= done.predicted_w) & (done.predicted_w <= done.high_w)).all()
    assert set(done.power_how) == {"calibrated"}
    assert set(validate(shuffled, "spec").power_how) == {"transferred (from h100_sxm bfloat16)"}


@pytest.mark.parametrize("power", [np.nan, 0.0, -1.0, np.inf])
def test_rows_without_power_keep_their_latency(rows, power, tmp_path):
    some = rows.assign(power_w=np.where(rows.index == 7, power, rows.power_w)).sample(40, random_state=0)
    some = pd.concat([some, rows.loc[[7]].assign(power_w=power)]).drop_duplicates()
    told = []
    done = validate(some, tell=told.append)
    assert told == [
        f"1 of {len(some)} rows have no power_w above 0 (first: {power} in row 7): their latency alone counts"
    ]
    assert done.predicted_s.notna().all()
    assert done.predicted_w.notna().all()
    assert scores.power_table(done)[0]["rows"] == len(some) - 1


def test_power_in_milliwatts_is_refused(rows):
    with pytest.raises(ValueError, match="is it in W"):
        power_fit.check(rows.assign(power_w=350e3))


def test_power_that_is_that_of_other_rows_is_not_fitted(rows):
    told = []
    moved = rows.assign(power_w=rows.power_w.sample(frac=1.0, random_state=0).to_numpy())
    assert power_fit.calibrate(moved, measured_on="", source="", tell=told.append) == []
    assert len(told) == 1
    assert told[0].startswith("no power of h200_sxm bfloat16 is fitted: Kendall's tau on held-out rows is ")


def test_a_session_that_does_not_say_how_power_was_measured_has_none(rows):
    told, session = [], rows.assign(table="gemm")
    (old,) = split(session, told.append)
    assert "power_w" not in old
    assert told[0].startswith(f"power_w of {len(rows):,} rows is left out")
    (some,) = split(session.assign(power_by=np.where(rows.index % 2, "energy counter", None)))
    assert (some.power_w.notna() == (rows.index % 2 == 1)).all()


def test_few_rows_are_not_enough(rows):
    with pytest.raises(ValueError, match="at least 100 are needed"):
        power_fit.calibrate(rows.iloc[:40], measured_on="", source="")


@pytest.mark.skipif(not MEASURED.is_file(), reason="no measured rows beside the checkout")
@pytest.mark.parametrize("fit", read(FOLDER / "h200_sxm_power.toml"), ids=lambda fit: fit.math)
def test_the_committed_errors_are_those_of_held_out_pairs(fit):
    rows = pd.read_parquet(MEASURED)
    rows = rows[rows.math == fit.math]
    test = rows[pair_split.held_out(rows)]
    again = power_fit.stated(test, gemm_kind.named(fit.math), H200, fit)
    for name, value in fit.held_out_error.items():
        assert again[name] == pytest.approx(value, abs=2e-4)


def test_a_session_with_little_power_has_its_latencies_fitted(rows, tmp_path):
    few, told = rows.sample(40, random_state=0), []
    assert [path.name for path in calibrate(few, folder=tmp_path, tell=told.append)] == ["h200_sxm_gemm.toml"]
    assert told == ["no power of h200_sxm bfloat16 is fitted: all constants of its circuits are known"]
    (fit,) = read(tmp_path / "h200_sxm_gemm.toml")
    assert {"few_low", "spec_low", "spec_correlation"} <= set(fit.intervals)


def test_fits_by_name_say_that_power_has_none(rows, tmp_path):
    told = []
    calibrate(rows.sample(40, random_state=0), folder=tmp_path, by_name=True, tell=told.append)
    assert told == ["power_w is left out: a board's power has no backend by which fits could be named"]


def test_nothing_is_written_where_a_later_table_is_no_measurement(rows, tmp_path):
    gemm, wrong = rows.head(40).assign(table="gemm"), rows.head(40).assign(table="other", latency_s=-1.0)
    with pytest.raises(ValueError, match="latency_s must be"):
        calibrate(pd.concat([gemm, wrong]), folder=tmp_path)
    assert not list(tmp_path.iterdir())
