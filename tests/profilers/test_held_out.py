"""What no fit saw, of kinds whose fits held pairs out and of those whose rows were too few for it, in one table."""

import pandas as pd
import pytest
from gemm_rows_strategies import made_rows

from costmodel.hardware.calibration import read
from profilers import pair_split
from profilers.fit import calibrate, validate
from profilers.held_out import by_folds, divided, table_of

MANY = made_rows(noise=0.03)
FEW = made_rows(noise=0.03, math="float16").sample(70, random_state=0)


def test_each_kind_is_scored_by_what_its_fit_did_not_see(home, quick):
    rows = pd.concat([MANY, FEW], ignore_index=True)
    fits = {fit.math: fit for path in calibrate(rows) if path.suffix == ".toml" for fit in read(path)}
    assert {math: fit.by_folds for math, fit in fits.items()} == {"bfloat16": False, "float16": True}
    test, stated = divided(rows)
    assert by_folds(rows) == ["float16"]
    assert set(test["math"]) == {"bfloat16"}
    assert len(test) == pair_split.held_out(MANY).sum()
    shown = {record["math"]: record for record in table_of(validate(test), stated, regimes=False)}
    for math, fit in fits.items():
        assert shown[math]["rows"] == fit.held_out_error["rows"]
        assert shown[math]["mape"] == pytest.approx(fit.held_out_error["residual_mape"], abs=2e-5)
    assert [record["regime"] for record in stated] == ["all, by folds"]


def test_without_fits_of_ones_own_test_pairs_are_what_the_shipped_did_not_see(home):
    test, stated = divided(MANY)
    assert stated == []
    assert len(test) == pair_split.held_out(MANY).sum()


def test_rows_of_which_nothing_is_held_out_are_one_line(home):
    seen = MANY[~pair_split.held_out(MANY)]
    with pytest.raises(ValueError, match=r"none of the \d+ rows is of a held-out \(n, k\)"):
        divided(seen)
