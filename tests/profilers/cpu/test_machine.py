"""The machine measured with a tiny budget, and its file read back."""

import math
import os
import re

import pytest

from costmodel.estimators.estimate import estimate
from costmodel.hardware import cpu, device
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from profilers.cpu import machine, measure, rates, topology, write
from profilers.cpu.machine import Machine
from profilers.timing import HostClock, Timing


@pytest.fixture(scope="module")
def measured():
    patch = pytest.MonkeyPatch()
    patch.setattr(machine, "COPY_BYTES", 16 * 2**20)
    yield measure(0.08).cpu
    patch.undo()


def test_rates_are_within_reach_of_any_processor(measured):
    assert 1e6 < measured.peak_flops.fp32 < 1e16
    assert measured.peak_flops.vector == measured.peak_flops.fp32
    assert 1e6 < measured.memory_bytes_per_s < 1e14
    assert 2**28 < measured.memory_bytes < 2**50


def test_cores_are_no_more_than_the_logical_ones(measured):
    assert 1 <= measured.cores <= os.cpu_count()


def test_every_known_rate_has_a_source_with_its_date(measured):
    for pipe in ("fp32", "bf16", "int8", "vector"):
        known = not math.isnan(getattr(measured.peak_flops, pipe))
        assert known == (f"peak_flops.{pipe}" in measured.sources)
    assert re.search(r"measured on \d{4}-\d\d-\d\d by bitfront profile cpu", measured.sources["memory_bytes_per_s"])


def test_a_call_amid_others_costs_less_than_a_millisecond_more(measured):
    assert 0 <= measured.amid_s < 1e-3
    assert "a chain of" in measured.sources["amid_s"]


def test_written_machine_is_found_by_name(measured, tmp_path, monkeypatch):
    monkeypatch.setenv("BITFRONT_HOME", str(tmp_path))
    path = write(measured)
    assert path.parent == tmp_path / "cpus"
    assert cpu(measured.name) == measured
    assert device(measured.name).sources == measured.sources


def test_an_estimate_takes_the_machine(measured):
    workload = Workload("one", (linear("fc", 32, 64, 16),))
    result = estimate(workload, "w32a32", measured)
    assert 0 < result.totals["latency_s"] < 1
    assert "energy_j" not in result.totals


def test_name_makes_a_file_name():
    assert re.fullmatch(r"[a-z0-9_]+", topology.processor_name())


def test_processor_name_drops_marks_and_clock(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text("model name\t: Intel(R) Xeon(R) CPU E5-2690 @ 2.90GHz\n")
    monkeypatch.setattr(topology, "CPU_INFO", info)
    assert topology.processor_name() == "intel_xeon_cpu_e5_2690"


def test_threads_of_one_core_count_once(tmp_path, monkeypatch):
    for i, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{i}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    monkeypatch.setattr(topology, "CPU_FOLDER", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert topology.physical_cores() == 2


def test_a_product_without_kernel_is_nan(monkeypatch):
    import torch

    monkeypatch.delattr(torch, "_int_mm", raising=False)
    assert math.isnan(rates.matmul_flops_per_s("int8", 0.01, HostClock()).per_s)


class Held(HostClock):
    """A clock whose first run of every batch takes a hundred times as long, as on a busy machine."""

    def times_s(self, work, runs):
        times = super().times_s(work, runs)
        times[: len(times) // 2 + 1] += 0.1
        return times


def test_a_held_up_run_does_not_make_the_product_small_or_slow():
    quiet, held = (rates.matmul_flops_per_s("fp32", 0.3, clock) for clock in (HostClock(), Held()))
    assert held.per_s > quiet.per_s / 3
    assert held.timing.latency_s > held.timing.least_s * 2


def test_a_busy_machine_is_told(measured):
    steady = Timing(1.0, 1.0, 1.0, 1.0, 1.0, 9)
    wide = Timing(1.0, 0.8, 1.2, 1.0, 0.7, 9)
    assert not Machine(measured, {"fp32": rates.Rate(1.0, "", steady)}, 0.0).busy
    assert Machine(measured, {"fp32": rates.Rate(1.0, "", steady)}, 0.5).busy
    assert Machine(measured, {"fp32": rates.Rate(1.0, "", wide)}, 0.0).busy


def test_the_last_cache_is_the_largest(tmp_path, monkeypatch):
    for i, size in enumerate(("32K", "1024K", "32M")):
        folder = tmp_path / "cpu0" / "cache" / f"index{i}"
        folder.mkdir(parents=True)
        (folder / "size").write_text(size + "\n")
    monkeypatch.setattr(topology, "CPU_FOLDER", tmp_path)
    assert topology.last_cache_bytes() == 32 * 2**20
    monkeypatch.setattr(topology, "CPU_FOLDER", tmp_path / "none")
    assert math.isnan(topology.last_cache_bytes())


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_time_must_be_positive(seconds):
    with pytest.raises(ValueError, match="seconds must be positive"):
        measure(seconds)
