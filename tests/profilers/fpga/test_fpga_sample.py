from collections import Counter

import pandas as pd
import pytest

from costmodel.catalog import UnknownNameError
from costmodel.hardware.calibration import FOLDER
from profilers.fpga.draw_unit import UNITS
from profilers.fpga.sample import OTHERS, sample
from profilers.fpga.verilog import catalog, verilog


@pytest.mark.parametrize("units", [("product", "dot"), OTHERS])
def test_samples_are_distinct_valid_and_the_same_for_a_seed(units):
    def draw(number, seed):
        return sample(number, seed, units)

    found = draw(120, 3)
    assert len(set(found)) == 120
    assert found == draw(120, 3)
    assert found[:30] == draw(30, 3)
    assert found != draw(120, 4)
    for design in found:
        assert verilog(design)
    assert draw(0, 1) == []
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        draw(-1, 0)


def test_kinds_are_drawn_evenly():
    units = Counter(design.unit for design in sample(400, 0))
    assert 140 < units["product"] < 260
    others = Counter(design.unit for design in sample(270, 0, OTHERS))
    assert set(others) == set(OTHERS)
    assert min(others.values()) > 8


def test_dot_products_have_the_terms_that_are_asked_for():
    assert {design.n for design in sample(60, 0, ["dot", "sign_dot"], (48, 49))} == {48, 49}
    assert {design.n for design in sample(9, 0, ["sign_dot"], (1, 1))} == {2}
    assert sample(50, 1) == sample(50, 1, terms=(1, 32))


def test_units_are_named_and_run_dry():
    assert set(UNITS) == set(catalog())
    with pytest.raises(UnknownNameError, match="did you mean product"):
        sample(1, 0, ["produt"])
    with pytest.raises(ValueError, match=r"to_fixed: no more than \d+ different designs were found, got number=500"):
        sample(500, 0, ["to_fixed"])


def test_the_committed_rows_are_of_the_first_seeds():
    names = set(pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet")["design"])
    assert {design.name for design in (*sample(600, 0), *sample(200, 0, OTHERS))} <= names
