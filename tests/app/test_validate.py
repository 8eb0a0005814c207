"""bitfront validate: figures that a reader can recompute, files whole or absent, one line for bad input."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gemm_tables import GOOD, bad_bytes, bad_tables, noisy_rows

from profilers import pair_split

MEASURED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpu" / "gemm.parquet"


@pytest.fixture
def validate(bitfront, tmp_path):
    def run(rows, *args):
        path = tmp_path / "rows.parquet"
        rows.to_parquet(path, index=False)
        done = bitfront("validate", str(path), *args, "--json", env={"BITFRONT_HOME": str(tmp_path / "home")})
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run


def test_figures_are_those_of_the_written_rows(validate, tmp_path):
    rows = pd.concat([noisy_rows(0.05), noisy_rows(0.2, gpu="l40s", seed=1)])
    out = tmp_path / "predicted.parquet"
    found = validate(rows, "--out", str(out))
    written = pd.read_parquet(out)
    pd.testing.assert_frame_equal(written[list(rows.columns)], rows.reset_index(drop=True))
    assert set(written.how) == {"calibrated"}
    totals = [group for group in found["groups"] if group["regime"] == "all"]
    assert [(g["gpu"], g["math"], g["backend"]) for g in totals] == [
        (g, "bfloat16", "vllm") for g in ("h100_sxm", "l40s")
    ]
    for group in totals:
        own = written[written.gpu == group["gpu"]]
        error = (own.predicted_s - own.latency_s).abs() / own.latency_s
        inside = own.latency_s.between(own.low_s, own.high_s)
        expected = {
            "rows": len(own), "mape": error.mean(), "median": error.median(), "p90": error.quantile(0.9),
            "bias": (np.log(own.predicted_s) - np.log(own.latency_s)).mean(), "coverage": inside.mean(),
            "kendall_tau": own.predicted_s.corr(own.latency_s, method="kendall"),
            "width": ((own.high_s - own.low_s) / own.predicted_s).mean(),
        }  # fmt: skip
        assert {name: group[name] for name in expected} == pytest.approx(expected)
    known = np.sqrt(2 / np.pi) * np.array([0.05, 0.2])
    assert [group["mape"] for group in totals] == pytest.approx(known, rel=0.1)


def test_regimes_part_the_rows(validate):
    groups = validate(noisy_rows())["groups"]
    assert [group["regime"] for group in groups] == ["all", "compute", "memory"]
    assert groups[0]["rows"] == sum(group["rows"] for group in groups[1:]) == len(noisy_rows())


def test_levels_leave_out_what_they_say(validate):
    how = {level: validate(GOOD, "--calibration", level)["groups"][0]["how"] for level in ("transfer", "spec")}
    assert how["transfer"].startswith("transferred (from a100_sxm")
    assert how["spec"].startswith("spec (from a100_sxm")


def test_a_backend_not_measured_is_pooled_and_labelled(validate):
    assert "pooled" in validate(GOOD.assign(backend="mine"))["groups"][0]["how"]


def test_held_out_scores_test_pairs_alone(validate, tmp_path):
    rows, out = noisy_rows(), tmp_path / "predicted.csv"
    found = validate(rows, "--held-out", "--out", str(out))
    test = rows[pair_split.held_out(rows)]
    assert found["rows"] == len(test) < len(rows)
    pd.testing.assert_frame_equal(pd.read_csv(out)[["m", "n", "k"]], test[["m", "n", "k"]].reset_index(drop=True))
    assert not any("--held-out" in note for note in found["notes"])


def test_fits_to_few_rows_say_that_they_saw_all_and_state_errors_by_folds(bitfront, tmp_path):
    env = {"BITFRONT_HOME": str(tmp_path)}
    noisy_rows().assign(backend="mine").sample(40, random_state=0).to_parquet(tmp_path / "rows.parquet", index=False)
    made = json.loads(bitfront("calibrate", "rows.parquet", "--json", cwd=tmp_path, env=env).stdout)["fits"][0]
    seen, held = (
        json.loads(bitfront("validate", "rows.parquet", *more, "--json", cwd=tmp_path, env=env).stdout)
        for more in ((), ("--held-out",))
    )
    (group,) = held["groups"]
    assert (group["regime"], group["rows"], held["rows"]) == ("all, by folds", 40, 0)
    for name in ("mape", "median", "p90", "coverage", "width"):
        assert group[name] == made["held_out_error"][f"residual_{name}"]
    assert seen["rows"] == 40
    assert any("saw all that they were made from (bfloat16): --held-out gives" in note for note in seen["notes"])
    assert any("saw all of them (bfloat16): their errors are those that they state" in note for note in held["notes"])
    assert not any("70 %" in note for note in seen["notes"] + held["notes"])


def test_a_sampled_tau_is_said_to_be(validate):
    many = validate(pd.concat([GOOD] * 1700))
    assert any("20000" in note for note in many["notes"])
    assert not any("20000" in note for note in validate(GOOD)["notes"])


def test_a_csv_prints_the_table(bitfront, tmp_path):
    GOOD.to_csv(tmp_path / "rows.csv", index=False)
    done = bitfront("validate", "rows.csv", cwd=tmp_path, env={"BITFRONT_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    for shown in ("MAPE", "coverage", "h100_sxm", "calibrated", f"{len(GOOD)} rows"):
        assert shown in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]


def test_measured_h100_products_are_within_ten_percent(validate):
    if not MEASURED.is_file():
        pytest.skip("the measured rows are not on this machine")
    rows = pd.read_parquet(MEASURED, filters=[("gpu", "==", "h100_sxm"), ("math", "==", "bfloat16")])
    totals = [g for g in validate(rows.sample(6000, random_state=0), "--held-out")["groups"] if g["regime"] == "all"]
    assert [group["backend"] for group in totals] == ["trtllm", "vllm"]
    for group in totals:
        assert group["mape"] < 0.10
        assert 0.85 < group["coverage"] < 0.97


@pytest.mark.parametrize(("name", "rows", "says"), bad_tables())
def test_a_bad_table_is_one_line_and_writes_nothing(refused_here, tmp_path, name, rows, says):
    path, out = tmp_path / f"{name}.parquet", tmp_path / "out.parquet"
    rows.to_parquet(path, index=False)
    out.write_bytes(b"before")
    assert says in refused_here("validate", str(path), "--out", str(out), "--json")
    assert out.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("name", "content", "says"), bad_bytes())
def test_a_bad_file_is_one_line_with_its_name(refused_here, tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    line = refused_here("validate", str(tmp_path / name))
    assert says in line
    assert name in line


def test_power_is_predicted_beside_latency(bitfront, tmp_path):
    path, out = tmp_path / "power.parquet", tmp_path / "p.parquet"
    GOOD.assign(power_w=300.0).to_parquet(path)
    done = json.loads(bitfront("validate", str(path), "--out", str(out), "--json").stdout)
    (power,) = done["power"]
    assert power["how"] == "transferred"  # by a few rows of this device
    assert {"predicted_w", "low_w", "high_w", "power_how"} <= set(pd.read_parquet(out).columns)
    GOOD.assign(power_w=np.where(GOOD.index == 5, np.nan, 300.0)).to_parquet(path)
    done = json.loads(bitfront("validate", str(path), "--json").stdout)
    assert done["power"][0]["rows"] == len(GOOD) - 1
    assert done["notes"][0].startswith(f"1 of {len(GOOD)} rows have no power_w above 0 (first: nan in row 5)")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("nothing.parquet",), "no file 'nothing.parquet'"),
        (("rows.parquet", "--out", "nowhere/p.parquet"), "no folder 'nowhere'"),
        (("rows.parquet", "--out", "p.xlsx"), ".parquet or .csv"),
        (("rows.parquet", "--calibration", "best"), "best"),
        (("one_row.parquet", "--json"), "at least 2 rows"),
    ],
)
def test_bad_arguments_are_one_line(refused, tmp_path, args, says):
    GOOD.to_parquet(tmp_path / "rows.parquet")
    GOOD.iloc[:1].to_parquet(tmp_path / "one_row.parquet")
    assert says in refused("validate", *args, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one_row.parquet", "rows.parquet"]


def test_blocks_of_an_fpga_are_told_from_its_designs(refused_here, tmp_path):
    columns = ("kind", "depth", "bits", "a_bits", "b_bits", "bram18", "uram", "dsp", "device_family", "yosys")
    pd.DataFrame([dict.fromkeys(columns, 1)]).to_parquet(tmp_path / "blocks.parquet")
    line = refused_here("validate", "blocks.parquet", cwd=tmp_path)
    assert "blocks.parquet has blocks of profile fpga-blocks, which printed how the rules compare with Yosys" in line
