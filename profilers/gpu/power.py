"""Board power of work that repeats: from the board's energy counter, else from sampled instant readings, else none.

NVIDIA, NVML API Reference Guide: nvmlDeviceGetTotalEnergyConsumption counts the board's millijoules (Volta and newer);
NVML_FI_DEV_POWER_INSTANT is its present power. nvmlDeviceGetPowerUsage, which on Ampere and newer but GA100 is the mean
of the last second, is not read: shorter work than that would carry the power of what ran before it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SETTLE_S, STEADY_S, SLICE_S = 0.2, 1.0, 0.01
"""Seconds of the work before it is measured, in which clocks fall to what the limit allows; while it is; and between
two readings. The counter moves in steps of about 0.1 s, so power is taken from one step to another."""

LONGEST_STEP_S = 0.5
"""A counter that stands still for so long while the board works does not count."""

SHARE = 0.25
"""Share of a session's time in which power is measured: latencies need milliseconds each."""

COUNTER, INSTANT = "energy counter", "instant power"

RunFor = Callable[[float], None]
Reading = Callable[[], float | None]


@dataclass
class Meter:
    """Measures power by readings of joules and of watts, either None where the driver tells none, within SHARE."""

    energy_j: Reading
    instant_w: Reading
    now: Callable[[], float] = time.perf_counter
    begun_s: float = field(init=False)
    spent_s: float = 0.0

    def __post_init__(self) -> None:
        self.begun_s = self.now()

    def columns(self, run_for: RunFor) -> Mapping[str, Any]:
        """`power_w` and `power_by` of the work that `run_for` repeats for some seconds; neither when SHARE is spent."""
        start = self.now()
        if self.spent_s > SHARE * (start - self.begun_s):
            return {}
        run_for(SETTLE_S)
        watts, by = self._by_counter(run_for), COUNTER
        if watts is None:
            watts, by = self._by_samples(run_for), INSTANT
        self.spent_s += self.now() - start
        return {} if watts is None else {"power_w": watts, "power_by": by}

    def _by_counter(self, run_for: RunFor) -> float | None:
        first = self._next_step(run_for)
        if first is None:
            return None
        run_for(STEADY_S)
        last = self._next_step(run_for)
        return None if last is None else (last[1] - first[1]) / (last[0] - first[0])

    def _next_step(self, run_for: RunFor) -> tuple[float, float] | None:
        """When the counter moves next, and to which joules, the work going on; None where it does not."""
        before, end_s = self.energy_j(), self.now() + LONGEST_STEP_S
        while before is not None and self.now() < end_s:
            run_for(SLICE_S)
            value = self.energy_j()
            if value is not None and value != before:
                return self.now(), value
        return None

    def _by_samples(self, run_for: RunFor) -> float | None:
        samples = []
        for _ in range(round(STEADY_S / SLICE_S)):
            run_for(SLICE_S)
            value = self.instant_w()
            if value is None:
                return None
            samples.append(value)
        return float(np.mean(samples))
