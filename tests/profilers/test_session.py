"""Sessions keep rows as they come, go on where they were interrupted, and leave out what libraries lack."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from profilers import session
from profilers.call import Call
from profilers.timing import HostClock


class Backend:
    name, version = "fake", "1"

    def __init__(self, flushed=False):
        self.clock, self.flushed = HostClock(), flushed

    def copies(self, _call):
        return 2

    def facts(self, work, _call):
        return {"copies": len(work), "cache": "flushed" if self.flushed else "warm"}


def calls(ran, count=8):
    def build(size, copies):
        ran.append(size)
        return [lambda: None] * copies

    return [
        Call("t", "kind", {"m": m}, (float(m),), 0.0, 1e-6, lambda c, m=m: build(m, c)) for m in range(1, count + 1)
    ]


def run(out, candidates, seconds=5.0, device="d", flushed=False, first=0):
    backend, facts = Backend(flushed), {"driver": "x"}
    return session.run(candidates, backend, device=device, seconds=seconds, out=out, facts=facts, first=first)


def test_every_candidate_is_measured_once_and_rows_say_how(tmp_path):
    ran = []
    made = run(tmp_path / "rows.parquet", calls(ran))
    assert sorted(ran) == list(range(1, 9))
    assert made.new == len(made.rows) == 8
    assert set(made.rows.columns) >= {"gpu", "table", "math", "m", "latency_s", "interquartile_mean_s", "median_low_s",
                                      "median_high_s", "least_s", "runs", "spread", "copies", "driver"}  # fmt: skip
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), made.rows)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_second_session_measures_only_what_is_left(tmp_path, suffix):
    ran, out = [], tmp_path / f"rows.{suffix}"
    run(out, calls(ran, 3))
    made = run(out, calls(ran, 8))
    assert sorted(ran) == list(range(1, 9))
    assert (made.new, len(made.rows)) == (5, 8)


def test_shapes_measured_warm_are_measured_again_with_caches_flushed(tmp_path):
    ran, out = [], tmp_path / "rows.parquet"
    run(out, calls(ran, 3))
    assert run(out, calls(ran, 3), flushed=True).new == 3
    made = run(out, calls(ran, 3), flushed=True)
    assert (made.new, len(ran)) == (0, 6)
    assert made.rows.groupby("m").cache.agg(set).tolist() == [{"warm", "flushed"}] * 3


def test_an_interruption_keeps_the_rows_before_it(tmp_path):
    candidates = calls([])

    def stop(_copies):
        raise KeyboardInterrupt

    stopping = [*candidates[:4], Call("t", "kind", {"m": 99}, (99.0,), 0.0, 1e-6, stop)]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "rows.parquet", stopping)
    assert 1 <= len(pd.read_parquet(tmp_path / "rows.parquet")) <= 4


def test_a_kind_that_the_library_lacks_is_left_out_with_its_words(tmp_path):
    def fail(_copies):
        raise RuntimeError("no kernel image\nand more")

    lacking = [Call("t", "other", {"m": m}, (float(m),), 0.0, 1e-6, fail) for m in range(5)]
    made = run(tmp_path / "rows.parquet", [*calls([]), *lacking])
    assert made.failed == {"t other": "RuntimeError: no kernel image"}
    assert set(made.rows.math) == {"kind"}


def test_the_first_rows_of_each_kind_come_one_kind_after_another(tmp_path):
    kinds = [replace(call, math=name) for name in ("a", "b", "c") for call in calls([])]
    made = run(tmp_path / "rows.parquet", kinds, first=7)
    assert made.rows["math"].tolist()[:21] == ["a"] * 7 + ["b"] * 7 + ["c"] * 7
    assert made.new == 24


def test_a_file_of_another_device_is_refused(tmp_path):
    run(tmp_path / "rows.parquet", calls([], 2))
    with pytest.raises(ValueError, match="holds rows of d, not of e"):
        run(tmp_path / "rows.parquet", calls([], 2), device="e")


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan])
def test_a_session_needs_time(tmp_path, seconds):
    with pytest.raises(ValueError, match="positive time"):
        run(tmp_path / "rows.parquet", calls([]), seconds=seconds)
