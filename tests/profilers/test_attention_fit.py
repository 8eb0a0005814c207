"""Attention through the shared flow: fits on rows whose truth is known, bad tables, the committed calibrations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attention_rows_strategies import TRUE, made_rows

from costmodel import hardware
from costmodel.catalog import UnknownNameError
from costmodel.estimators import attention_kind
from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import pair_split
from profilers.constants_fit import fit_constants
from profilers.fit import calibrate, validate
from profilers.measured_rows import check, of, roofline_s

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpu" / "attention.parquet"
GOOD = made_rows(configurations=[(8, 2, 128, 0), (8, 8, 64, 128)])


@pytest.mark.parametrize("phase", ["ctx", "gen"])
def test_known_constants_are_recovered(phase):
    rows = made_rows(phase, noise=0.01)
    kind, gpu = attention_kind.named(f"{phase}_bfloat16"), hardware.gpu("h100_sxm")
    table = of(rows)
    found = fit_constants(rows, kind, gpu, starts=1)
    predicted = table.model.terms(*table.sizes(rows), kind, gpu, table.model.constants(**found)).latency_s
    assert np.mean(np.abs(predicted / made_rows(phase).latency_s - 1)) < 0.02
    assert found["memory_efficiency" if phase == "gen" else "compute_efficiency"] == pytest.approx(
        TRUE.memory_efficiency if phase == "gen" else TRUE.compute_efficiency, rel=0.1
    )


def test_calibrating_writes_what_reading_finds_and_predicts_held_out_configurations(home, quick):
    rows = pd.concat([made_rows("ctx", noise=0.03), made_rows("gen", noise=0.03, cache="fp8")])
    paths = calibrate(rows)
    assert [path.name for path in paths] == ["h100_sxm_attention.toml", "h100_sxm_attention_residual.npz"]
    fits = read(paths[0])
    assert [(f.device, f.math, f.backend, f.how) for f in fits] == [
        ("h100_sxm", math, "mine", "calibrated") for math in ("ctx_bfloat16", "gen_bfloat16_kvfp8")
    ]
    done = validate(rows)
    assert set(done.how) == {"calibrated"}
    test = done[pair_split.held_out(done)]
    errors = np.abs(test.predicted_s / test.latency_s - 1).groupby(test.math).mean()
    for fit in fits:
        assert 0.015 < fit.held_out_error["residual_mape"] < 0.045 < fit.held_out_error["roofline_mape"]
        assert errors[fit.math] == pytest.approx(fit.held_out_error["residual_mape"], abs=2e-5)
        assert 0.8 < fit.held_out_error["residual_coverage"] < 0.98


def test_thirty_rows_move_what_other_devices_were_found_to_do(home):
    rows = made_rows("gen").sample(30, random_state=0)
    (path,) = calibrate(rows, "h100_sxm")
    (fit,) = read(path)
    assert (fit.how, fit.rows) == ("transferred", 30)
    test = made_rows("gen").assign(backend="mine")
    errors = [np.abs(p.predicted_s / p.latency_s - 1).mean() for p in (validate(test), validate(test, "spec"))]
    assert errors[0] < errors[1]


def test_a_configuration_is_wholly_on_one_side():
    rows = made_rows("gen")
    held = pd.Series(pair_split.held_out(rows), index=rows.index)
    sides = held.groupby([rows[name] for name in of(rows).apart]).nunique()
    assert (sides == 1).all()
    assert 0 < held.mean() < 1


def test_the_roofline_counts_kept_scores_once():
    rows = check(
        GOOD[(GOOD.isl == 8192) & (GOOD.window_size == 0) & (GOOD.batch_size == 32)].loc[lambda r: [*r.index] * 2]
    )
    gpu = hardware.gpu("h100_sxm")
    flops = 4 * 32 * 8 * 8192 * 8193 / 2 * 128
    assert roofline_s(rows, gpu, "ctx_bfloat16") == pytest.approx(flops / gpu.peak_flops.bf16)


def broken(**columns):
    return GOOD.assign(**columns)


@pytest.mark.parametrize("face", [check, validate, calibrate])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (GOOD.drop(columns="isl"), "column 'isl' is missing; a table of attention has"),
        (GOOD.iloc[:0], "needs at least 2 rows .* got 0"),
        (GOOD.iloc[:1], "needs at least 2 rows .* got 1"),
        (broken(latency_s=np.where(GOOD.index == 3, np.nan, GOOD.latency_s)), "latency_s must be .*nan.* in row 3"),
        (broken(latency_s=np.where(GOOD.index == 0, 0.0, GOOD.latency_s)), "latency_s must be .*0.0.* in row 0"),
        (broken(window_size=-1), "window_size must be a finite number of at least 0, got .*-1"),
        (broken(num_kv_heads=3), "num_kv_heads must divide num_heads, got 8 and 3 in row 0"),
        (broken(kind="prefill"), "kind must be ctx or gen, got 'prefill'"),
        (broken(latency_s=GOOD.latency_s / 1e4), "times the peak of its bf16 pipe; is it in seconds"),
        (broken(latency_s=GOOD.latency_s * 1e3), "it looks like milliseconds"),
        (broken(attn_dtype="fp8", kv_cache_dtype="fp8", gpu="a100_sxm"), "a100_sxm has no fp8 pipe"),
    ],
)
def test_one_clear_line(face, rows, message, home):
    with pytest.raises(ValueError, match=message) as caught:
        face(rows)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_lists_near_kinds():
    with pytest.raises(UnknownNameError, match="ctx_bfloat16"):
        check(broken(kv_cache_dtype="fp9"))


def test_power_of_attention_is_left_out_with_a_line(home):
    told = []
    done = validate(broken(power_w=300.0), tell=told.append)
    assert told == ["power_w of attention is left out: that of matrix products alone is modelled"]
    assert "power_w" not in done
    assert done.predicted_s.notna().all()


def committed():
    return [fit for path in sorted(FOLDER.glob("*_attention.toml")) for fit in read(path) if not fit.by_name]


def test_committed_calibrations_load_and_state_their_source():
    fits = committed()
    assert {fit.device for fit in fits} >= {"h100_sxm", "a100_sxm", "l40s"}
    for fit in fits:
        assert "aiconfigurator" in fit.source
        assert fit.rows > 1000
        assert fit.held_out_error["residual_mape"] < fit.held_out_error["analytic_mape"]
        assert sum(path.stat().st_size for path in FOLDER.glob(f"{fit.device}_*_residual.npz")) < 1e6


def test_committed_errors_are_reproduced_on_held_out_configurations(home):
    if not MEASURED.is_file():
        assert calibrations("attention")
        return
    rows = pd.read_parquet(MEASURED)
    test = rows[pair_split.held_out(rows)].sample(12000, random_state=0)
    done = validate(test)
    assert {how.split(" ")[0] for how in done.how} == {"calibrated"}
    error = (done.predicted_s / done.latency_s - 1).abs().groupby([done.gpu, done.math]).mean()
    inside = ((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).mean()
    assert 0.85 < inside < 0.95
    for fit in committed():
        assert error[fit.device, fit.math] == pytest.approx(fit.held_out_error["residual_mape"], rel=0.25)
