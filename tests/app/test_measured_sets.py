"""Sets of measured rows that the page Validate offers, and files that it takes."""

import numpy as np
import pytest

from app import accuracy, measured_sets
from app.accuracy import Measured
from app.figures.accuracy import BELOW, by_calibration, errors, predicted_measured, thinning
from app.pages.validate import COLUMNS, known_columns
from costmodel.hardware.calibration import FOLDER
from profilers import rows_file


def of(what):
    return next(name for name in measured_sets.names(()) if what in name)


def test_rows_of_a_gpu_that_no_fit_saw_come_first():
    first = measured_sets.measured(measured_sets.names(())[0], ())
    assert "No fit used here saw" in first.told
    assert len(first.measured) > 5900
    assert first.figures()["coverage"] > 0.9


def test_rows_that_fits_saw_are_said_to_be_so_and_others_fits_are_held_against_them():
    assert "Not held out" in measured_sets.measured(of("h100_sxm under torch: calls, by fits that saw"), ()).told
    others = measured_sets.measured(of("h100_sxm under torch: calls, by fits of other"), ())
    assert "none saw" in others.told
    assert set(others.groups) >= {"bfloat16", "fp8", "ctx_bfloat16"}


def test_whole_passes_are_a_set_that_ships_and_a_file_that_is_taken():
    name = "h200_sxm_torch_networks.parquet"
    measured_sets.check(FOLDER / name)
    given = measured_sets.measured(name, (FOLDER / name,))
    own = measured_sets.measured(of("h200_sxm under torch: whole passes"), ())
    assert given.groups == own.groups
    assert "resnet50 graph" in own.groups
    assert np.array_equal(given.predicted, own.predicted)


def test_errors_beyond_the_axis_are_told_in_its_end_bars_and_a_thinned_set_says_so():
    count = 13_000
    ones, none = np.ones(count), np.full(count, np.nan)
    found = Measured("", "s", ("a",), np.zeros(count, np.int64), ones, np.linspace(0.1, 3.0, count), none, none)
    bars = errors(found)
    assert "all beyond" in bars.layout.xaxis.title.text
    assert (bars.data[0].hovertext[0], bars.data[0].hovertext[-1]) == ("-58% and below", "+58% and above")
    assert sum(bars.data[0].customdata) == count
    assert (thinning(found), len(predicted_measured(found).data[0].x)) == (3, 4334)


@pytest.mark.parametrize("column", ["latency_s", "network", "precision"])
def test_a_file_that_cannot_be_predicted_is_refused_at_the_start(column, tmp_path, monkeypatch, refused_here):
    rows = rows_file.read(FOLDER / "h200_sxm_torch_networks.parquet")
    rows_file.write(rows.assign(**{column: "zz"}), tmp_path / "mine.csv")
    monkeypatch.setattr("app.server.serve", lambda *_: pytest.fail("it listens"))
    line = refused_here("app", "--measured", "mine.csv", cwd=tmp_path)
    assert column in line
    assert "mine.csv" in line


def test_no_two_of_many_groups_look_alike():
    groups, one = tuple(f"kind {i}" for i in range(42)), np.ones(42)
    found = Measured("", "s", groups, np.arange(42), one, one, one, one)
    figure = predicted_measured(found)
    shown = [trace.marker for trace in figure.data if trace.mode == "markers"]
    assert len({(marker.color, marker.symbol) for marker in shown}) == 42
    assert figure.layout.legend.orientation == "v"
    below = predicted_measured(found, narrow=True).layout.legend
    assert (below.orientation, below.maxheight) == ("h", BELOW)


def test_names_of_calibrations_are_in_two_lines_on_a_narrow_page():
    rows = [{"device": "a", "kind": "b", "backend": backend, "mape": 0.1, "roofline": None} for backend in ("c", "")]
    names = [by_calibration(rows, narrow=narrow).data[0].y for narrow in (False, True)]
    assert names == [("a b c", "a b"), ("a b<br>c", "a b")]


def test_a_table_of_calibrations_has_the_columns_that_are_known_and_its_figure_no_mark_without_a_point():
    by = {model: [row for row in accuracy.held_out() if row["model"] == model] for model in accuracy.MODELS.values()}
    fields = {model: {column["field"] for column in known_columns(rows)} for model, rows in by.items()}
    circuits = fields[accuracy.MODELS["lut_sites"]]
    assert circuits >= {"mape", "median", "p90", "bias", "kendall_tau"}
    assert circuits.isdisjoint({"coverage", "roofline"})
    assert fields[accuracy.MODELS["gemm"]] == {column["field"] for column in COLUMNS}
    for rows in by.values():
        assert all(any(x is not None for x in trace.x) for trace in by_calibration(rows).data)
