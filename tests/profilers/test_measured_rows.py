"""Tables that cannot be measurements: one clear line each."""

import numpy as np
import pandas as pd
import pytest
from gemm_rows_strategies import made_rows

from costmodel.catalog import UnknownNameError
from costmodel.hardware import Cpu, PeakFlops, save
from profilers.fit import calibrate, validate
from profilers.measured_rows import check

GOOD = made_rows(sizes=(64, 1024), ms=(1, 64, 4096))


def broken(**columns):
    return GOOD.assign(**columns)


@pytest.mark.parametrize("face", [check, validate, calibrate])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (GOOD.drop(columns="latency_s"), "column 'latency_s' is missing"),
        (GOOD.drop(columns="k"), "column 'k' is missing"),
        (GOOD.iloc[:0], "needs at least 2 rows .* got 0"),
        (GOOD.iloc[:1], "needs at least 2 rows .* got 1"),
        (
            broken(latency_s=np.where(GOOD.index == 3, np.nan, GOOD.latency_s)),
            "latency_s must be .* got .*nan.* in row 3",
        ),
        (broken(latency_s=np.where(GOOD.index == 0, 0.0, GOOD.latency_s)), "latency_s must be .* got .*0.0.* in row 0"),
        (broken(m=-4), "m must be a finite number above 0, got .*-4"),
        (broken(n="wide"), "n must be a finite number above 0, got 'wide'"),
        (broken(latency_s=GOOD.latency_s / 1e3), "times the peak of its bf16 pipe; is it in seconds"),
        (broken(latency_s=GOOD.latency_s * 1e3), "it looks like milliseconds"),
        (broken(math="fp8", gpu="a100_sxm"), "a100_sxm has no fp8 pipe, but there are 12 rows of fp8"),
    ],
)
def test_one_clear_line(face, rows, message):
    with pytest.raises(ValueError, match=message) as caught:
        face(rows)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("column", "near"), [("gpu", "h100_sxm"), ("math", "bfloat16")])
def test_unknown_names_list_near_ones(column, near):
    with pytest.raises(UnknownNameError, match=near):
        check(broken(**{column: near[:-1]}))


def test_a_device_that_the_rows_lack_is_named():
    with pytest.raises(UnknownNameError, match="gpu in these rows 'l40s'"):
        calibrate(GOOD, "l40s")


def test_a_backend_is_optional():
    found = check(GOOD.drop(columns="backend"))
    assert set(found.backend) == {""}
    pd.testing.assert_series_equal(found.latency_s, GOOD.latency_s)


def test_memory_bound_rows_a_thousand_times_too_fast_are_not_in_seconds():
    rows = made_rows(sizes=(4096, 8192), ms=(1, 2))
    check(rows)
    with pytest.raises(ValueError, match=r"th of what the device needs .median.; is it in seconds"):
        check(rows.assign(latency_s=rows.latency_s / 1e3))


def test_rows_several_times_above_the_peak_are_doubted_but_taken():
    told = []
    check(GOOD, told.append)
    assert told == []
    large = made_rows(sizes=(4096, 8192), ms=(1024, 4096))
    assert len(check(large.assign(gpu="l4"), told.append)) == len(large)
    (line,) = told
    assert "of the rows of l4 bfloat16 imply more than 2 times the peak of its bf16 pipe" in line
    assert line.endswith("are they of another device?")
    validate(large.assign(gpu="l4"), tell=told.append)
    assert told == [line, line]


@pytest.mark.parametrize("factor", [1e3, 2e-3])
def test_rows_in_another_unit_among_others_are_counted(factor):
    """A third in milliseconds leaves the median where it is."""
    mixed = made_rows(sizes=(64, 1024), ms=(1, 64))
    odd = np.arange(len(mixed)) % 3 == 1
    told = []
    taken = check(mixed.assign(latency_s=np.where(odd, factor, 1.0) * 0.5 * (2e-5 + mixed.latency_s)), told.append)
    assert len(taken) == len(mixed)
    assert told[-1].startswith(f"{odd.sum()} of {len(mixed)} rows of h100_sxm bfloat16 take 100 times as long as the")
    assert told[-1].endswith("in row 1): are all of them in seconds?")
    told.clear()
    check(GOOD, told.append)
    assert told == []


def test_a_number_is_told_as_one():
    rows = made_rows(sizes=(512,), ms=(1, 2))
    with pytest.raises(ValueError, match="got nan in row 0"):
        check(rows.assign(latency_s=[float("nan"), 1e-5]))


def test_a_processor_whose_square_products_are_slow_in_a_format_keeps_its_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    peaks = PeakFlops(vector=30e9, fp32=30e9, bf16=0.5e9)
    save.write(Cpu("slow", peaks, 16e9, 2e10, 2), tmp_path / "cpus" / "slow.toml")
    sizes = {"m": [64.0, 128.0], "n": 256.0, "k": 256.0}
    rows = pd.DataFrame({"gpu": "slow", "math": "bfloat16", **sizes}).assign(
        latency_s=lambda r: 2 * r.m * r.n * r.k / 16e9
    )
    assert len(check(rows)) == 2
    with pytest.raises(ValueError, match="is it in seconds"):
        check(rows.assign(latency_s=rows.latency_s / 1e3))
