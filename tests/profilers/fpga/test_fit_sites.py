"""The committed calibration follows from the committed rows, and its error is on rows the fit never saw."""

from pathlib import Path

import pandas as pd
import pytest

from costmodel.estimators.fpga.sites import calibration, sites
from costmodel.formats import get
from costmodel.hardware.calibration import FOLDER, read
from profilers.fpga.fit_sites import errors, fit, modelled
from profilers.fpga.rows import designs
from profilers.fpga.save_sites import save


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet")


def test_saving_the_rows_gives_the_committed_file(table, tmp_path):
    written = save(table, tmp_path)
    again, committed = read(written)[0], calibration()
    assert dict(again.constants) == pytest.approx(dict(committed.constants), rel=1e-3, abs=1e-3)
    assert dict(again.held_out_error) == pytest.approx(dict(committed.held_out_error), rel=1e-2)


def test_the_split_is_the_hash_of_the_name(table):
    assert [design.held_out for design in designs(table)] == table["held_out"].tolist()
    assert [design.name for design in designs(table)] == table["design"].tolist()


def test_held_out_rows_do_not_reach_the_fit(table):
    changed = table.copy()
    changed.loc[changed["held_out"], "sites"] *= 3
    assert fit(changed) == pytest.approx(fit(table))
    assert errors(changed, fit(table))["mape"] > 0.5


def test_the_estimator_gives_the_fitted_numbers(table):
    rows = modelled(table)[lambda t: t["held_out"]].head(40)
    relative = [
        abs(float(sites(get(r.a_format), get(r.b_format), n=r.n, acc_bits=r.acc_bits)) / r.sites - 1)
        for r in rows.itertuples()
    ]
    assert sum(relative) / len(relative) < 0.1


def test_the_rows_stay_small():
    assert Path(FOLDER / "xc7_fpga_rows.parquet").stat().st_size < 1_000_000
