"""The committed calibration follows from the committed rows, and its error is on rows the fit never saw."""

from pathlib import Path

import pandas as pd
import pytest

from costmodel.estimators.fpga.site_calibration import MODEL, calibrated, calibration
from costmodel.estimators.fpga.sites import sites
from costmodel.formats import get
from costmodel.hardware.calibration import FOLDER, read
from profilers.fpga.fit_sites import circuits, errors, fit, predictions
from profilers.fpga.predict_rows import table_of, validate
from profilers.fpga.rows import designs
from profilers.fpga.save_sites import fits, save
from profilers.fpga.verilog import catalog


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet")


def of(table, unit):
    return table[table["unit"] == unit].reset_index(drop=True)


def test_saving_the_rows_gives_the_committed_file(table, tmp_path):
    again = {found.math: found for found in read(save(table, tmp_path))}
    committed = {found.math: found for found in read(FOLDER / f"xc7_{MODEL}.toml")}
    assert set(again) == set(committed) == set(catalog())
    for unit, found in committed.items():
        assert dict(again[unit].constants) == pytest.approx(dict(found.constants), rel=1e-2, abs=2e-2)
        assert dict(again[unit].held_out_error) == pytest.approx(dict(found.held_out_error), rel=2e-2)


def test_what_builds_on_another_circuit_takes_its_constants_of_the_same_fit(table):
    """A dot product of a third of the sites is three times as many in a block's."""
    dots = of(table, "dot")
    smaller = pd.concat([dots.assign(sites=dots["sites"] / 3), of(table, "mx_dot")], ignore_index=True)
    before, after = calibration("dot"), {fit.math: fit.constants for fit in fits(smaller)}
    assert after["mx_dot"]["dot"] == pytest.approx(3 * calibration("mx_dot").constants["dot"], rel=0.05)
    assert calibration("dot") is before


def test_the_split_is_the_hash_of_the_name(table):
    assert [design.held_out for design in designs(table)] == table["held_out"].tolist()
    assert [design.name for design in designs(table)] == table["design"].tolist()
    assert table["design"].is_unique
    assert len(table) >= 2500


def test_held_out_rows_do_not_reach_the_fit(table):
    rows = of(table, "thresholds")
    changed = rows.copy()
    changed.loc[changed["held_out"], "sites"] *= 3
    assert fit(changed) == pytest.approx(fit(rows))
    assert errors(changed, fit(rows))["mape"] > 0.5


def test_the_estimator_gives_the_fitted_numbers(table):
    done = validate(pd.concat([of(table, unit).head(12) for unit in circuits(table)], ignore_index=True))
    for row in done[done["unit"].isin(["product", "dot"])].itertuples():
        if row.unit == "dot" and row.n == 1 and not row.acc_bits:
            continue
        expected = sites(get(row.a_format), get(row.b_format), n=row.n, acc_bits=row.acc_bits)
        assert row.predicted_sites == pytest.approx(float(expected))
    assert done["predicted_sites"].notna().all()
    assert (done["predicted_ff"] == done["ff"]).all()
    groups = table_of(done)
    assert (groups[0]["unit"], groups[0]["rows"]) == ("all", len(done))
    assert groups[0]["mape"] < 0.1
    assert sum(group["rows"] for group in groups[1:]) == len(done)


def test_every_unit_states_its_held_out_error():
    for unit in catalog():
        assert calibration(unit).held_out_error["rows"] >= 8, unit
    assert set(calibrated("xc7")) == set(catalog())
    assert calibrated("ecp5") == {}


def test_ultrascale_takes_the_sites_of_7_series(table):
    other = pd.read_parquet(FOLDER / "xcup_fpga_rows.parquet")
    assert set(other["device_family"]) == {"xcup"}
    assert [design.name for design in designs(other)] == other["design"].tolist()
    pairs = other.merge(table, on="design", suffixes=("", "_xc7"))
    assert len(pairs) > 90
    assert (pairs["sites"] == pairs["sites_xc7"]).mean() > 0.95
    assert (pairs["sites"] / pairs["sites_xc7"].clip(lower=1)).between(0.995, 1.005)[pairs["sites"] > 0].all()
    assert (pairs[["ff", "carry_bits"]].to_numpy() == pairs[["ff_xc7", "carry_bits_xc7"]].to_numpy()).all()


def test_the_rows_stay_small():
    assert Path(FOLDER / "xc7_fpga_rows.parquet").stat().st_size < 1_000_000


def test_minifloats_of_few_exponent_bits_to_fixed_point_are_counted_not_fitted(table):
    rows = of(table, "to_fixed")
    few = rows[rows["a_format"].str.match("e[12]m")].reset_index(drop=True)
    counted = predictions(few, calibration("to_fixed").constants).round() == few["sites"]
    assert counted.mean() > 0.9


def test_integers_of_few_bits_to_floats_are_counted_not_fitted(table):
    rows = of(table, "to_float")
    few = rows[rows["a_format"].str.fullmatch("u?int[23]") & (rows["acc_bits"] == 0)].reset_index(drop=True)
    assert (predictions(few, calibration("to_float").constants).round() == few["sites"]).mean() > 0.9
