"""bitfront validate, calibrate and estimate on attention, end to end."""

import numpy as np
import pandas as pd
import pytest
from attention_tables import noisy_rows

from profilers import pair_split


def test_figures_are_those_of_the_written_rows(run_at_home, tmp_path):
    rows = pd.concat([noisy_rows(0.05), noisy_rows(0.2, gpu="l40s", phase="ctx", cache="fp8", seed=1)])
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    groups = run_at_home("validate", "rows.parquet", "--out", "predicted.parquet")["groups"]
    written = pd.read_parquet(tmp_path / "predicted.parquet")
    assert set(written.how) == {"calibrated"}
    totals = [group for group in groups if group["regime"] == "all"]
    assert [(g["gpu"], g["math"], g["backend"]) for g in totals] == [
        ("h100_sxm", "gen_bfloat16", "vllm"), ("l40s", "ctx_bfloat16_kvfp8", "vllm")
    ]  # fmt: skip
    for group in totals:
        own = written[written.gpu == group["gpu"]]
        assert group["rows"] == len(own)
        assert group["mape"] == pytest.approx(((own.predicted_s - own.latency_s).abs() / own.latency_s).mean())
        assert group["coverage"] == pytest.approx(own.latency_s.between(own.low_s, own.high_s).mean())
    known = np.sqrt(2 / np.pi) * np.array([0.05, 0.2])
    assert [group["mape"] for group in totals] == pytest.approx(known, rel=0.15)
    for level in ("transfer", "spec"):
        found = run_at_home("validate", "rows.parquet", "--calibration", level)["groups"][0]
        assert found["how"] == ("transferred" if level == "transfer" else "spec") + " (from a100_sxm, l40s)"
    held = run_at_home("validate", "rows.parquet", "--held-out")
    assert held["rows"] == pair_split.held_out(rows).sum()


def test_a_device_twice_as_slow_is_learned_from_thirty_rows(run_at_home, tmp_path):
    rows = noisy_rows(0.02, gpu="l40s").assign(backend="mine")
    rows = rows.assign(latency_s=2 * rows.latency_s)
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    rows.sample(30, random_state=0).to_parquet(tmp_path / "few.parquet", index=False)
    made = run_at_home("calibrate", "few.parquet")
    assert [path.rpartition("/")[2] for path in made["files"]][:1] == ["l40s_attention.toml"]
    before = run_at_home("validate", "rows.parquet", "--calibration", "spec")["groups"][0]
    after = run_at_home("validate", "rows.parquet")["groups"][0]
    assert after["how"] == "transferred"
    assert after["mape"] < before["mape"]


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_estimate_takes_the_calibrated_attention(run_at_home, phase):
    found = run_at_home("estimate", "zoo:llama-3.1-8b", "--on", "h100_sxm", "--phase", phase, "--batch", "4")
    layers = [layer for layer in found["layers"] if layer["kind"] == "attention"]
    assert {layer["source"] for layer in layers} == {"calibrated (vllm)"}
    assert all(0 < layer["latency_low_s"] < layer["latency_s"] < layer["latency_high_s"] for layer in layers)


def test_bad_attention_rows_are_one_line(refused, tmp_path):
    rows = noisy_rows()
    for name, bad, says in (
        ("short", rows.drop(columns="step"), "column 'step' is missing"),
        ("milliseconds", rows.assign(latency_s=rows.latency_s * 1e3), "milliseconds"),
    ):
        bad.to_parquet(tmp_path / f"{name}.parquet")
        assert says in refused("validate", f"{name}.parquet", cwd=tmp_path)
