"""Board power of repeated work, from a simulated board: its counter moves in steps, its time is its own."""

import pytest

from profilers.call import Call
from profilers.gpu import nvml, power
from profilers.gpu.power import Meter


class Board:
    """Draws `watts` while work runs; its counter moves every 0.1 s by what was drawn since."""

    def __init__(self, step_s=0.1):
        self.now_s, self.joules, self.shown, self.step_s, self.watts = 0.03, 0.0, 0.0, step_s, 300.0

    def now(self):
        return self.now_s

    def run_for(self, seconds):
        left = seconds
        while left > 1e-9:
            part = min(0.001, left)
            before, self.now_s = self.now_s, self.now_s + part
            self.joules += self.watts * part
            left -= part
            if self.step_s and int(before / self.step_s) != int(self.now_s / self.step_s):
                self.shown = self.joules

    def energy_j(self):
        return self.shown if self.step_s else None


def test_the_counter_gives_the_power_of_the_work_and_not_of_what_ran_before():
    board = Board()
    meter = Meter(board.energy_j, lambda: None, board.now)
    for watts in (300.0, 700.0, 150.0):
        board.watts = watts
        found = meter.columns(board.run_for)
        assert found["power_by"] == "energy counter"
        assert found["power_w"] == pytest.approx(watts, rel=0.015)
        board.now_s += 10.0


def test_without_a_counter_instant_readings_are_averaged():
    board = Board(step_s=0.0)
    readings = iter([200.0, 400.0] * 100)
    found = Meter(board.energy_j, lambda: next(readings), board.now).columns(board.run_for)
    assert found == {"power_w": pytest.approx(300.0), "power_by": "instant power"}


def test_a_counter_that_stands_still_does_not_count():
    board = Board()
    found = Meter(lambda: 5.0, lambda: 250.0, board.now).columns(board.run_for)
    assert found == {"power_w": 250.0, "power_by": "instant power"}


def test_without_either_there_is_no_power():
    board = Board(step_s=0.0)
    assert Meter(board.energy_j, lambda: None, board.now).columns(board.run_for) == {}


def test_power_takes_its_share_of_the_time():
    board = Board()
    meter = Meter(board.energy_j, lambda: None, board.now)
    measured = 0
    for _ in range(200):
        measured += bool(meter.columns(board.run_for))
        board.now_s += 0.1
    assert meter.spent_s / board.now_s == pytest.approx(power.SHARE, rel=0.1)
    assert 0 < measured < 20


def test_a_library_that_counts_and_tells(monkeypatch):
    class Library:
        def nvmlDeviceGetHandleByIndex_v2(self, index, _device):
            return index

        def nvmlDeviceGetHandleByPciBusId_v2(self, bus, _device):
            return 0 if bus == b"0000:1B:00.0" else 2

        def nvmlDeviceGetTotalEnergyConsumption(self, _device, value):
            value._obj.value = 2**32 * 1000 + 500
            return 0

        def nvmlDeviceGetFieldValues(self, _device, count, values):
            asked = values._obj
            assert (count, asked.field, asked.scope) == (1, 186, 0)
            asked.status, asked.value = 0, 2**32 * 7 + 345_600  # a 32-bit value: what lies above it is not its own
            return 0

    monkeypatch.setattr(nvml, "_library", Library)
    assert nvml.energy_j() == pytest.approx(2**32 + 0.5)
    assert nvml.instant_w() == nvml.instant_w("0000:1B:00.0") == pytest.approx(345.6)
    assert nvml.energy_j("0000:2B:00.0") is None
    monkeypatch.delattr(Library, "nvmlDeviceGetTotalEnergyConsumption")
    assert nvml.energy_j() is None
    monkeypatch.setattr(nvml, "_library", lambda: None)
    assert nvml.energy_j() is nvml.instant_w() is None


def test_products_that_run_warm_are_metered_and_nothing_else():
    from profilers.gpu.backend import CudaBackend

    class Clock:
        captured = True

        def run_for(self, _seconds):
            pass

    class Always:
        def columns(self, _run_for):
            return {"power_w": 1.0, "power_by": "energy counter"}

    backend = object.__new__(CudaBackend)
    backend.clock, backend.meter, backend.flushed, backend.bus = Clock(), Always(), False, ""
    product, other = (Call(table, "x", {}, (1.0,), 0.0, 1e-6, lambda _: []) for table in ("gemm", "attention"))
    assert backend.facts([None], product)["power_w"] == 1.0
    assert "power_w" not in backend.facts([None], other)
    backend.flushed = True
    assert "power_w" not in backend.facts([None], product)
