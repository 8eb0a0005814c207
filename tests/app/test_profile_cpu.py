"""bitfront profile cpu: what cannot be measured or written is refused before the work; what the calls' fits go with."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from app import profiling
from costmodel import hardware
from costmodel.estimators.operation_kind import named
from costmodel.estimators.operation_model import SIZES, terms
from costmodel.hardware import Cpu, PeakFlops, save
from profilers.cpu.calls import calls as candidates
from profilers.cpu.machine import Machine
from profilers.cpu.topology import logical_cores
from profilers.fit import validate
from profilers.operation_table import PRIOR
from profilers.session import Session


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--calls", "-3"), "--calls must be seconds of at least 0, got -3"),
        (("--calls", "nan"), "--calls must be seconds of at least 0, got nan"),
        (("--out", "q.txt"), "--out must end in .toml, as a device's file does, got 'q.txt'"),
        (("--out", "none/q.toml"), "no folder 'none' to write 'q.toml' in"),
        (("--threads", "0"), f"threads must be 1 to {logical_cores()}, the cores that there are, got 0"),
        (("--threads", "99999"), f"threads must be 1 to {logical_cores()}, the cores that there are, got 99999"),
    ],
)
def test_bad_arguments_are_one_line(refused, tmp_path, args, says):
    assert says in refused("profile", "cpu", "--seconds", "0.1", *args, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def _drawn(cpu, kind, count):
    """Rows of library calls that take what the model says at a prior's constants, give or take a few percent."""
    drawn = [c for c in candidates(cpu, count=count) if c.math == kind]
    rows = pd.DataFrame([{"table": c.table, "math": c.math, "backend": "torch", **c.columns} for c in drawn])
    exact_s = terms(*(rows[size].to_numpy() for size in SIZES), named(kind), cpu, PRIOR).latency_s
    noise = np.random.default_rng(0).normal(0.0, 0.02, len(rows))
    return rows.assign(gpu=cpu.name, backend_version="2", latency_s=exact_s * np.exp(noise))


@pytest.fixture
def profiled(tmp_path, monkeypatch):
    """The calibration of a processor, whose file says other rates, from ten rows of linear layers and two of norms."""
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    cpu = Cpu("mine", PeakFlops(fp32=1e11, vector=1e11), 1e10, 2e10, 2)
    old = replace(cpu, peak_flops=PeakFlops(fp32=3e10, vector=3e10), memory_bytes_per_s=1e10)
    save.write(old, tmp_path / "cpus" / "mine.toml")
    rows = pd.concat([_drawn(cpu, "linear_fp32", 12), _drawn(cpu, "norm_fp32", 2)])

    def calibrated(rows):
        monkeypatch.setattr("profilers.cpu.calls.calls", partial(candidates, count=12))
        monkeypatch.setattr("profilers.session.run", lambda *_args, **_more: Session(rows, len(rows), {}))
        return profiling.calls(cpu, 1.0, None)

    return cpu, rows, calibrated


def test_a_calibration_goes_with_the_rates_that_it_was_fitted_to(profiled):
    cpu, rows, calibrated = profiled
    made = calibrated(rows)
    assert hardware.cpu("mine") == cpu
    own = rows[rows["math"] == "linear_fp32"]
    done = validate(own)
    assert np.median(np.abs(done.predicted_s / done.latency_s - 1.0)) < 0.1
    found = Machine(cpu, {}, 0.0)
    assert profiling.warnings(found, made) == []
    (stale,) = profiling.warnings(found, None)
    assert stale.startswith(f"{made.paths[0]} was fitted to other rates of this device than those just written")


def test_kinds_with_too_few_rows_are_told(profiled):
    _cpu, rows, calibrated = profiled
    made = calibrated(rows)
    assert [kind["kind"] for kind in made.kinds] == ["linear_fp32"]
    assert made.notes[0].endswith("so no fit (more seconds of --calls give more): norm_fp32 (2)")
    assert made.notes[1].startswith("not measured: conv_fp32, attention_fp32, ")


def test_where_no_kind_has_rows_enough_nothing_is_written(profiled, tmp_path):
    cpu, rows, calibrated = profiled
    made = calibrated(rows.iloc[:4])
    assert (made.kinds, made.paths) == ([], [])
    assert "linear_fp32 (4)" in made.notes[0]
    assert hardware.cpu("mine") != cpu
    assert not (tmp_path / "calibrations").exists()


@pytest.mark.parametrize(
    ("args", "there", "told"),
    [
        ((), False, "no row is kept without --rows"),
        (("--rows", "rows.csv"), False, "no row is in rows.csv yet"),
        (("--rows", "rows.csv"), True, "the rows so far are in rows.csv"),
    ],
)
def test_an_interruption_exits_130_and_says_what_is_kept(bitfront, monkeypatch, tmp_path, args, there, told):
    def interrupted(*_args, out, **_more):
        if there:
            out.write_text("latency_s\n")
        raise KeyboardInterrupt

    cpu = Cpu("mine", PeakFlops(fp32=1e11, vector=1e11), 1e10, 2e10, 2)
    monkeypatch.setattr("app.profiling.machine", lambda *_: Machine(cpu, {}, 0.0))
    monkeypatch.setattr("profilers.session.run", interrupted)
    done = bitfront("profile", "cpu", "--calls", "9", "--out", "mine.toml", *args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == f"bitfront: interrupted; {told}"
    assert (tmp_path / "mine.toml").is_file()
