"""Few rows on a device that has shipped fits: never notably worse than those, better where the rows tell of it."""

import numpy as np
import pandas as pd
import pytest
from gemm_rows_strategies import made_rows

from costmodel import hardware
from costmodel.estimators import gemm_kind
from costmodel.estimators.gemm_latency import predict
from costmodel.hardware.calibration import read
from profilers import moved_fit
from profilers.fit import calibrate, validate

SIZES, MS = (512, 1024, 2048, 3072, 4096, 6144, 8192), (1, 8, 33, 64, 257, 1024, 4096)


def shipped_rows(gpu="l40s", math="bfloat16", backend="", factor=1.0, noise=0.0, ms=MS):
    """Rows of software that takes so many times what the shipped fits of a backend say."""
    rows = made_rows(gpu=gpu, math=math, sizes=SIZES, ms=ms)
    sizes = (rows[name].to_numpy() for name in "mnk")
    found = predict(*sizes, gemm_kind.named(math), hardware.gpu(gpu), backend=backend).latency_s
    return rows.assign(latency_s=factor * found * np.exp(np.random.default_rng(0).normal(0.0, noise, len(rows))))


def error(rows):
    done = validate(rows)
    return float(np.abs(done.predicted_s / done.latency_s - 1.0).mean())


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_that_say_nothing_new_move_nothing(home, count, seed):
    rows = shipped_rows(noise=0.08)
    before = error(rows)
    (path, _) = calibrate(rows.sample(count, random_state=seed))
    (fit,) = read(path)
    assert fit.how == "transferred"
    assert error(rows) < before + 0.01


def test_a_factor_is_found_and_its_interval_holds(home):
    rows = shipped_rows(factor=1.3, noise=0.03)
    before = error(rows)
    calibrate(rows.sample(30, random_state=0))
    done = validate(rows)
    assert before > 0.2
    assert error(rows) < 0.04
    assert np.mean((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)) > 0.88
    assert not done.extrapolated.any()  # the fit that was moved knows these shapes


def test_of_several_shipped_fits_the_nearest_is_moved_with_its_own_trees(home):
    rows = shipped_rows("h100_sxm", "fp8", "trtllm", factor=1.1)
    assert error(rows) > 0.1
    path, _ = calibrate(rows.sample(30, random_state=0))
    (fit,) = read(path)
    assert fit.backends == ("mine",)
    assert error(rows) < 0.02
    assert fit.held_out_error["residual_mape"] < 0.05


def test_many_rows_whose_trees_learn_more_go_their_own_way(home):
    rows = shipped_rows(noise=0.01)
    odd = rows.assign(latency_s=rows.latency_s * np.where(rows.m > 100, 2.5, 0.5))
    calibrate(odd.sample(80, random_state=0))
    done = validate(odd)
    assert set(done.how) == {"calibrated"}
    assert error(odd) < 0.2


def test_hundreds_of_rows_of_a_few_layers_do_not_replace_a_fit_to_thousands(home, quick):
    ms = (1, 2, 4, 8, 16, 33, 64, 128, 257, 512, 1024, 2048, 4096)
    rows, told = shipped_rows(noise=0.03, ms=ms), []
    before = error(rows)
    assert len(rows) > 600
    (path, _) = calibrate(rows, tell=told.append)
    (fit,) = read(path)
    assert (fit.how, fit.by_folds) == ("transferred", False)
    assert error(rows) < before + 0.002
    assert "rows alone err by" in told[0]
    assert told[0].endswith("that is kept")


def test_what_no_single_fit_explains_as_well_as_all_together_keeps_them_and_says_so(home):
    rows = shipped_rows("h100_sxm", "fp8")
    told = []
    assert calibrate(rows.sample(30, random_state=0), tell=told.append) == []
    assert len(told) == 1
    assert told[0].startswith("no fit of h100_sxm fp8 is made: its 30 rows err by ")
    assert "(sglang, trtllm, vllm) together, which stay" in told[0]
    assert error(rows) < 1e-6


def test_few_rows_need_more_than_chance_to_decide_against_what_ships(home):
    rows = shipped_rows(noise=0.05)
    (path, _) = calibrate(rows.sample(30, random_state=0))
    (fit,) = read(path)

    def erring(count, share):
        stated = {"residual_mape": share * fit.held_out_error["residual_mape"]}
        return fit.__class__(**(vars(fit) | {"rows": count, "held_out_error": stated}))

    for count, share, own in ((9, 0.1, False), (30, 0.9, False), (30, 0.8, True), (400, 0.9, True)):
        other = erring(count, share)
        assert (moved_fit.better(fit, other) is other) == own


def test_backends_of_few_rows_keep_trees_of_their_own_in_one_file(home):
    slow, fast = (shipped_rows(factor=factor).assign(backend=name) for name, factor in (("a", 1.5), ("b.c", 0.8)))
    few = [rows.sample(12, random_state=0) for rows in (slow, fast)]
    path, _ = calibrate(pd.concat(few, ignore_index=True))
    fits = {fit.backend: fit for fit in read(path)}
    assert {name: fit.backends for name, fit in fits.items()} == {"a": ("a",), "b.c": ("b.c",)}
    assert error(slow) < 0.03
    assert error(fast) < 0.03
