"""Timing: how long work takes on a backend, run until the interval of its median is narrow or the time is spent."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Work = Callable[[], Any]

TARGET = 0.02
"""Half width of the interval of the median, over the median, at which a measurement is done."""

WARM_UP, LEAST_RUNS, MOST_RUNS = 3, 6, 2000
RESAMPLES = 200
TAILS = (0.025, 0.975)
"""The bootstrap interval holds the median of 95 % of resamples."""


class Clock(Protocol):
    """Times work that was prepared: `times_s` returns seconds of each of `runs` runs."""

    def prepare(self, work: Sequence[Work]) -> None:
        """Warm up, and do what need not be timed."""

    def times_s(self, work: Sequence[Work], runs: int) -> Floats:
        """Seconds of each run; the pieces of `work` take turns, so that each finds its operands as the caller wants."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one run: median with its bootstrap interval, interquartile mean, least; and how many runs."""

    latency_s: float
    median_low_s: float
    median_high_s: float
    interquartile_mean_s: float
    least_s: float
    runs: int

    @property
    def spread(self) -> float:
        """Half width of the median's interval over the median."""
        return (self.median_high_s - self.median_low_s) / 2.0 / self.latency_s


def measure(work: Sequence[Work], clock: Clock, *, budget_s: float, target: float = TARGET) -> Timing:
    """Run `work` until the median is known to `target` or `budget_s` is spent; at least LEAST_RUNS after a warm-up.

    Batches double: at first the median of few runs may look certain by luck. ValueError for a budget not above 0.
    """
    if not budget_s > 0:
        raise ValueError(f"budget_s must be positive, got {budget_s}")
    end = time.perf_counter() + budget_s
    clock.prepare(work)
    times, batch = np.empty(0), LEAST_RUNS
    while True:
        times = np.concatenate([times, clock.times_s(work, batch)])
        found = summary(times)
        if found.spread <= target or time.perf_counter() >= end or len(times) >= MOST_RUNS:
            return found
        left_s = end - time.perf_counter()
        batch = int(np.clip(left_s / found.latency_s, 1, len(times)))


def summary(times_s: Floats, *, seed: int = 0) -> Timing:
    """The figures of measured times.

    Bootstrap: Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    ordered = np.sort(times_s)
    n = len(ordered)
    draws = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    low, high = np.quantile(np.median(ordered[draws], axis=1), TAILS)
    inner = ordered[n // 4 : n - n // 4]
    return Timing(float(np.median(ordered)), float(low), float(high), float(inner.mean()), float(ordered[0]), n)


class HostClock:
    """The processor's own clock: each run by itself; runs in which the process lost its core are left out.

    Where few others are left, they count with the time on the core if there is one thread, else as they are: then the
    spread tells.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.runs = 0
        self.preempted = 0

    @property
    def busy_share(self) -> float:
        """The share of all runs so far in which another process took the core."""
        return self.preempted / max(self.runs, 1)

    def prepare(self, work: Sequence[Work]) -> None:
        """Run some pieces: the first run allocates and chooses kernels."""
        for piece in work[:WARM_UP]:
            piece()

    def times_s(self, work: Sequence[Work], runs: int) -> Floats:
        """Seconds of each run, the pieces of `work` in turn; fewer than `runs` where others took the core."""
        found, lost = np.empty(runs), np.empty(runs, dtype=np.intp)
        for i in range(runs):
            piece = work[i % len(work)]
            before, on_core = _preemptions(), time.thread_time()
            start = time.perf_counter()
            piece()
            found[i] = time.perf_counter() - start
            lost[i] = _preemptions() - before
            if lost[i] and self.threads == 1:
                found[i] = min(found[i], time.thread_time() - on_core)
        self.runs += runs
        self.preempted += int((lost > 0).sum())
        kept = found[lost == 0]
        return kept if len(kept) >= min(runs, LEAST_RUNS) // 2 else found


def _preemptions() -> int:
    """How often the scheduler took a core from this process; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
