"""bitfront calibrate: measure, fit, predict, check; the user's own fits go first."""

import time

import numpy as np
import pandas as pd
import pytest
from gemm_tables import GOOD, SIZES, bad_tables, noisy_rows

from costmodel.hardware import Cpu, PeakFlops, save
from profilers.cpu.calls import calls as candidates


def put(rows, path):
    rows.to_parquet(path, index=False)
    return str(path)


@pytest.mark.long
def test_a_device_twice_as_slow_is_learned_and_then_predicted(run_at_home, tmp_path):
    rows = noisy_rows(0.03, sizes=SIZES[:7]).assign(backend="mine")
    rows = rows.assign(latency_s=2 * rows.latency_s)
    file = put(rows, tmp_path / "rows.parquet")
    before = run_at_home("validate", file)["groups"][0]
    assert before["how"] == "calibrated (pooled trtllm, vllm)"
    assert before["mape"] > 0.4
    start = time.perf_counter()
    made = run_at_home("calibrate", file)
    assert time.perf_counter() - start < 60
    folder = tmp_path / "home" / "calibrations"
    assert [path.rpartition("/")[2] for path in made["files"]] == ["h100_sxm_gemm.toml", "h100_sxm_gemm_residual.npz"]
    assert sorted(path.name for path in folder.iterdir()) == ["h100_sxm_gemm.toml", "h100_sxm_gemm_residual.npz"]
    (fit,) = made["fits"]
    assert (fit["device"], fit["backend"], fit["how"]) == ("h100_sxm", "mine", "transferred")
    assert "what bitfront brings, moved by them" in made["notes"][0]
    assert fit["rows"] + fit["held_out_error"]["rows"] == len(rows)
    after = run_at_home("validate", file, "--held-out")["groups"][0]
    assert after["how"] == "transferred"
    assert after["mape"] == pytest.approx(fit["held_out_error"]["residual_mape"], abs=2e-5)
    assert after["mape"] < 0.06
    assert after["coverage"] > 0.8


def test_one_of_several_devices_from_a_few_rows_into_a_folder(run_at_home, tmp_path):
    both = pd.concat([noisy_rows(gpu="l40s").sample(40, random_state=0), noisy_rows(gpu="a100_sxm", backend="sglang")])
    made = run_at_home("calibrate", put(both, tmp_path / "rows.parquet"), "--device", "l40s", "--out", "mine")
    assert made["files"] == ["mine/l40s_gemm.toml", "mine/l40s_gemm_residual.npz"]
    assert [(fit["device"], fit["how"], fit["rows"]) for fit in made["fits"]] == [("l40s", "transferred", 40)]
    assert made["fits"][0]["held_out_error"]["rows"] == 40
    assert not (tmp_path / "home").exists()


def test_a_table_and_where_it_was_written_are_printed(bitfront, tmp_path):
    path = put(GOOD, tmp_path / "rows.parquet")
    done = bitfront("calibrate", path, env={"BITFRONT_HOME": str(tmp_path / "home")})
    assert done.returncode == 0, done.stderr
    assert "transferred" in done.stdout
    assert f"written: {tmp_path / 'home' / 'calibrations' / 'h100_sxm_gemm.toml'}" in done.stdout


@pytest.mark.parametrize(("name", "rows", "says"), bad_tables())
def test_a_bad_table_is_one_line_and_writes_nothing(refused_here, tmp_path, name, rows, says):
    path = put(rows, tmp_path / f"{name}.parquet")
    assert says in refused_here("calibrate", path, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def calls(tmp_path):
    """Library calls on a processor of one's own: 12 rows of linear layers, 5 of sums and 2 of norms."""
    cpu = Cpu("mine", PeakFlops(fp32=1e11, vector=1e11), 1e10, 2e10, 2)
    save.write(cpu, tmp_path / "home" / "cpus" / "mine.toml")
    counts = {"linear_fp32": 12, "elementwise_fp32": 5, "norm_fp32": 2}
    drawn = pd.DataFrame([{"gpu": "mine", "math": c.math, "backend": "torch", **c.columns} for c in candidates(cpu)])
    rows = pd.concat([drawn[drawn.math == kind].head(count) for kind, count in counts.items()], ignore_index=True)
    assert rows.math.value_counts().to_dict() == counts
    return rows.assign(latency_s=np.linspace(1e-3, 2e-3, len(rows)))


def test_kinds_with_too_few_rows_are_named_beside_the_fits(run_at_home, calls, tmp_path):
    made = run_at_home("calibrate", put(calls, tmp_path / "rows.parquet"))
    assert [fit["math"] for fit in made["fits"]] == ["linear_fp32"]
    assert "under 10 rows, so no fit: mine elementwise_fp32 torch (5), mine norm_fp32 torch (2)" in made["notes"]


def test_rows_too_few_for_any_fit_are_one_line_and_write_nothing(bitfront, calls, tmp_path):
    path = put(calls[calls.math != "linear_fp32"], tmp_path / "rows.parquet")
    done = bitfront("calibrate", path, env={"BITFRONT_HOME": str(tmp_path / "home")})
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "under 10 rows, so no fit: mine elementwise_fp32 torch (5), mine norm_fp32 torch (2)" in line
    assert not (tmp_path / "home" / "calibrations").exists()


def test_a_backend_with_hardly_a_row_beside_others_is_named(refused_here, tmp_path):
    rows = noisy_rows(sizes=SIZES[:6])
    few = rows.assign(backend=np.where(rows.index == 0, "rare", "mine"))
    line = refused_here("calibrate", put(few, tmp_path / "rows.parquet"), "--out", str(tmp_path / "out"))
    assert "backend 'rare'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nothing.parquet",), "no file 'nothing.parquet'"),
        (("text.parquet",), "as parquet"),
        (("rows.parquet", "--device", "l40s"), "unknown gpu in these rows 'l40s'"),
        (("rows.parquet", "--out", "text.parquet"), "is a file"),
    ],
)
def test_bad_arguments_are_one_line(refused, tmp_path, args, says):
    put(GOOD, tmp_path / "rows.parquet")
    (tmp_path / "text.parquet").write_text("gpu,math\n")
    assert says in refused("calibrate", *args, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.parquet", "text.parquet"]
