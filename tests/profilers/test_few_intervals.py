"""Intervals after few rows: those of the spec sheet at first, narrower with rows, wider where own rows err more."""

import numpy as np
import pytest
from gemm_rows_strategies import made_rows

from costmodel import hardware
from costmodel.estimators import gemm_kind
from costmodel.estimators.gemm_latency import GEMM
from costmodel.estimators.transfer import carried
from costmodel.hardware.calibration import shipped
from profilers import few_intervals
from profilers.calibration_fit import Labels, adapt
from profilers.constants_fit import fit_constants

A100, BF16 = hardware.gpu("a100_sxm"), gemm_kind.named("bfloat16")
ROWS = made_rows(noise=0.05, gpu="a100_sxm", sizes=(512, 1024, 2048, 4096, 8192))
OTHERS = [fit for fit in shipped("gemm") if fit.device != "a100_sxm"]


def fitted(count, rows=ROWS, seed=0):
    few = rows.sample(count, random_state=seed).reset_index(drop=True)
    return adapt(few, BF16, A100, OTHERS, Labels())


@pytest.fixture(autouse=True)
def _nothing_else_known(home, monkeypatch):
    monkeypatch.setattr("profilers.calibration_fit.neighbours", lambda *_: [])


def widths(fit):
    return np.array(fit.intervals["few_high"]) - np.array(fit.intervals["few_low"])


def test_two_rows_are_as_unsure_as_the_spec_sheet_and_many_are_not():
    two, ten, thirty = (fitted(count) for count in (2, 10, 30))
    spec = 2.0 * np.array(two.intervals["spec_high"])
    assert (widths(two) >= spec - 1e-3).all()
    assert widths(two).mean() > widths(ten).mean() > widths(thirty).mean()
    assert two.how == thirty.how == "transferred"


def test_rows_far_from_what_is_lent_widen_the_interval():
    rows = ROWS.assign(latency_s=ROWS.latency_s * np.exp(np.random.default_rng(1).normal(0.0, 1.0, len(ROWS))))
    assert widths(fitted(30, rows)).mean() > 2.0 * widths(fitted(30)).mean()


def test_own_rows_count_as_many_as_they_are_beside_the_lent_ones():
    assert few_intervals.scale(np.full(2, 0.1)) == pytest.approx(1.19, abs=0.01)
    assert few_intervals.scale(np.full(90, 0.5)) == pytest.approx(0.5)
    assert few_intervals.scale(np.full(90, 3.0)) == 3.0
    assert few_intervals.scale(np.full(2, 3.0)) == 3.0


def test_a_firm_prior_keeps_one_wild_row_from_moving_the_rest():
    prior = carried(GEMM, "bfloat16", A100, OTHERS)
    few = ROWS.sample(3, random_state=0).reset_index(drop=True)
    wild = few.assign(latency_s=np.where(few.index == 0, 20.0, 1.0) * few.latency_s)
    firm, loose = (fit_constants(wild, BF16, A100, prior, starts=1, firm=firm) for firm in (True, False))
    moved = [max(abs(np.log(found[name] / getattr(prior, name))) for name in firm) for found in (firm, loose)]
    assert moved[0] < 0.75 * moved[1]


def test_the_constants_of_one_row_are_near_the_lent_ones():
    one = fitted(1)
    prior = carried(GEMM, "bfloat16", A100, OTHERS)
    assert abs(np.log(one.constants["launch_cycles"] / prior.launch_cycles)) < 1.0
    assert widths(one).min() > 0.3
