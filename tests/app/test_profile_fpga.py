"""bitfront profile fpga: rows of real synthesis, kept when interrupted; one line for bad input."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from app.commands import calibrate, validate
from app.commands.profile import command
from costmodel.hardware.calibration import FOLDER, read
from profilers.fpga import Progress, tool


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BITFRONT_CACHE", str(tmp_path / "cache"))


def test_rows_are_written_and_kept(tmp_path):
    out = tmp_path / "rows.parquet"
    asked = ["fpga", "--formats", "int2,int3/uint2", "--n", "2", "--out", str(out), "--json"]
    first = CliRunner().invoke(command, asked, catch_exceptions=False)
    found = json.loads(first.output)
    table = pd.read_parquet(out)
    named = ["unit", "a_format", "b_format", "n", "acc_bits", "device_family", "sites", "ff", "dsp", "bram18"]
    assert named == [name for name in named if name in table]
    assert [record["design"] for record in found["designs"]] == [
        "product-int2-int2-n1-acc0", "product-int3-uint2-n1-acc0",
        "dot-int2-int2-n2-acc13", "dot-int3-uint2-n2-acc14",
    ]  # fmt: skip
    assert (found["cached"], table["ff"].tolist(), (table["sites"] > 2).all()) == (0, [0, 0, 13, 14], True)
    again = CliRunner().invoke(command, ["fpga", "--like", str(out), "--json"], catch_exceptions=False)
    repeated = json.loads(again.output)
    assert repeated["cached"] == 4
    assert repeated["designs"] == found["designs"]


def test_an_interruption_tells_what_is_kept(bitfront, monkeypatch):
    def interrupted(designs, family, progress):
        progress(Progress(16, len(designs), 0, 1.0))
        raise KeyboardInterrupt

    monkeypatch.setattr("profilers.fpga.rows", interrupted)
    done = bitfront("profile", "fpga", "--random", "40")
    said = "bitfront: interrupted; 16 of 40 designs are kept"
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", said)


def test_an_interruption_before_the_first_design_says_so(bitfront, monkeypatch):
    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("profilers.fpga.rows", interrupted)
    done = bitfront("profile", "fpga", "--random", "6")
    assert (done.returncode, done.stderr.strip()) == (130, "bitfront: interrupted; no design was begun")


def test_what_takes_minutes_says_so_from_its_start(bitfront, monkeypatch):
    def slow(designs, family, progress):
        progress(Progress(0, 2, 0, 0.0, "dot-e5m10-e5m10-n16-acc93", (0.0, 240.0)))
        progress(Progress(1, 2, 0, 400.0, "product-int4-int4-n1-acc0", (200.0, 240.0)))
        progress(Progress(1, 2, 0, 450.0, "product-int4-int4-n1-acc0", (230.0, 240.0)))
        raise KeyboardInterrupt

    monkeypatch.setattr("profilers.fpga.rows", slow)
    done = bitfront("profile", "fpga", "--formats", "int4")
    assert [line for line in done.stderr.splitlines() if line] == [
        "bitfront: 0 of 2 designs; now dot-e5m10-e5m10-n16-acc93, about 4 min left",
        "bitfront: 1 of 2 designs; now product-int4-int4-n1-acc0, about 1 min left",
        "bitfront: interrupted; 1 of 2 designs are kept",
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "give one of --formats, --random and --like"),
        (["--formats", "int4", "--random", "3"], "give one of"),
        (["--formats", "int0"], "1 to 32 bits, got int0"),
        (["--formats", "int0,int4"], "1 to 32 bits, got int0"),
        (["--formats", "int4,int44"], "1 to 32 bits, got int44"),
        (["--formats", "int4,nope"], "unknown format 'nope'"),
        (["--formats", "uint33"], "1 to 32 bits, got uint33"),
        (["--formats", "imt4"], "unknown format 'imt4'; did you mean"),
        (["--formats", "int4/int4/int4"], "a list of formats or pairs a/b"),
        (["--formats", "int4", "--n", "0"], "n must be within 1 to 256, got 0"),
        (["--formats", "int4", "--n", "four"], "a list of whole numbers, got 'four'"),
        (["--random", "2", "--n", "8"], "--n with --random is a range A:B of whole numbers, got '8'"),
        (["--random", "2", "--n", "9:8"], "terms must be a range within 1 to 256, got 9 to 8"),
        (["--random", "2", "--n", "2:512"], "terms must be a range within 1 to 256, got 2 to 512"),
        (["--formats", "int4", "--units", "dot", "--acc-bits", "3"], "acc_bits must be 0 or at least"),
        (["--formats", "int4", "--units", "dots"], "unknown unit 'dots'; did you mean dot"),
        (["--formats", "int4", "--family", "ecp5"], "family must be one of"),
        (["--random", "0"], "--random must be at least 1, got 0"),
        (["--random", "2", "--units", " "], "--units names at least one unit"),
        (["--random", "2", "--out", "rows.xlsx"], "ends in .parquet or .csv"),
        (["--like", "absent.csv"], "no file 'absent.csv'"),
    ],
)
def test_bad_input_is_one_line(args, message, refused_here):
    assert message in refused_here("profile", "fpga", *args)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a_format": ["int4"]}, "a table of designs has a column unit, got a_format"),
        ({"unit": ["product", "product"], "a_format": "int4", "b_format": ["int4", ""]}, "row 1: "),
        ({"unit": ["dot"], "a_format": ["int4"], "b_format": ["int4"], "n": [0]}, "row 0: n must be within 1 to 256"),
        ({"unit": ["dot"], "a_format": ["int4"], "b_format": ["int4"], "n": [1.5]}, "row 0: a size must be a whole"),
    ],
)
def test_bad_tables_name_the_row(table, message, refused_here, tmp_path):
    path = tmp_path / "designs.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    assert message in refused_here("profile", "fpga", "--like", str(path))


def test_absent_yosys_is_one_line(monkeypatch, refused_here):
    def absent():
        raise tool.YosysError("no Yosys on this machine: pip install 'bitfront[fpga]'")

    monkeypatch.setattr("profilers.fpga.synthesis.yosys", absent)
    assert "pip install 'bitfront[fpga]'" in refused_here("profile", "fpga", "--formats", "int4")


def test_rows_are_validated_and_refit(tmp_path):
    rows = pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet").groupby("unit").head(60)
    rows, out = rows[rows["unit"].isin(["product", "thresholds"])], tmp_path / "predicted.csv"
    path = tmp_path / "rows.parquet"
    rows.drop(columns=["design", "held_out", "yosys"]).to_parquet(path, index=False)
    done = CliRunner().invoke(validate.command, [str(path), "--out", str(out), "--json"], catch_exceptions=False)
    written, groups = pd.read_csv(out), json.loads(done.output)["groups"]
    error = (written["predicted_sites"] / written["sites"] - 1).abs()
    assert groups[0]["mape"] == pytest.approx(error.mean(), rel=1e-6)
    assert groups[0]["mape"] < 0.1
    assert {"predicted_ff", "predicted_dsp", "predicted_bram18"} <= set(written)
    doubled = pd.read_parquet(path).assign(sites=lambda t: 2 * t["sites"])
    doubled.to_parquet(path, index=False)
    CliRunner().invoke(calibrate.command, [str(path), "--out", str(tmp_path / "fits")], catch_exceptions=False)
    fits = {fit.math: fit for fit in read(tmp_path / "fits" / "xc7_lut_sites.toml")}
    shipped = {fit.math: fit for fit in read(FOLDER / "xc7_lut_sites.toml")}
    ratio = fits["thresholds"].constants["compare"] / shipped["thresholds"].constants["compare"]
    assert ratio == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"sites": -1}, "sites must not be negative"), ({"n": 0}, "row 0: n must be within"), ({"unit": "dt"}, "row 0: ")],
)
def test_bad_rows_of_synthesis_are_one_line(change, message, refused_here, tmp_path):
    path = tmp_path / "rows.csv"
    good = {"unit": "dot", "a_format": "int4", "b_format": "int4", "n": 4, "acc_bits": 16, "sites": 60}
    pd.DataFrame([good | change]).to_csv(path, index=False)
    assert message in refused_here("validate", str(path))
    assert message in refused_here("calibrate", str(path))
