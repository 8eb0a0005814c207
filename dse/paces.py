"""Paces at which a dataflow's plans may run, each with what the memory may move: what does not add up is given, and the
rest is one sum over layers.

Of a given clock and given waits by themselves (`Pipeline.slowed`), a plan's rate and latency follow from the bytes that
all its layers move. At a pace are the options that hold it: what is said of a plan at its own pace is so, at a slower
one it is no better than that.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dse.pipelines import Floats, Pipeline, Through
from dse.problem import Problem

MOST = 64
"""Combinations of waits that are told apart; of more, those in which all layers wait as at one format."""


@dataclass(frozen=True, eq=False)
class Pace:
    """A problem's options at one clock and one wait.

    waits   a row of `Pipeline.slowed`, summed over layers; None where no latency is asked for
    exact   whether every plan is at a pace of its own, not one that is slower
    """

    problem: Problem
    clock_hz: float
    waits: Floats | None = field(repr=False)
    exact: bool = True

    @property
    def pipeline(self) -> Pipeline:
        """What decides the problem's paces."""
        assert self.problem.pipeline is not None
        return self.problem.pipeline

    @property
    def moved(self) -> tuple[float, float]:
        """The least and most bytes that plans move."""
        held = np.isfinite(self.problem.loss)
        ends = (
            np.where(held, self.pipeline.moved, np.inf).min(axis=1),
            np.where(held, self.pipeline.moved, 0.0).max(axis=1),
        )
        return float(ends[0].sum()), float(ends[1].sum())

    def told(self, interval: float) -> dict[str, float]:
        """PACED of plans at such an interval, of the rate the seconds an image; latency where it is asked for."""
        found = {
            "cycles": interval,
            "throughput_per_s": interval / self.clock_hz / self.pipeline.workload.batch,
        }
        if self.waits is not None:
            found["latency_s"] = float(self._through.cycles(interval)) / self.clock_hz
        return found

    @cached_property
    def _through(self) -> Through:
        assert self.waits is not None
        return self.pipeline.through(self.waits)

    def longest(self, limits: Mapping[str, float]) -> float | None:
        """The most cycles between passes at which none of PACED is beyond limits, None where a plan's are more."""
        low, high = (float(self.pipeline.interval(each)) for each in self.moved)

        def keeps(interval: float) -> bool:
            told = self.told(interval)
            return all(told[name] <= limit for name, limit in limits.items())

        if keeps(high):
            return high
        if not keeps(low):
            return None
        while low < high:
            middle = low + math.ceil((high - low) / 2)
            low, high = (middle, high) if keeps(middle) else (low, middle - 1)
        return low


def paces(problem: Problem, names: Collection[str]) -> Iterator[Pace]:
    """The paces of a problem whose plans are told apart by these of PACED."""
    line = problem.pipeline
    assert line is not None
    for clock in _clocks(line, np.isfinite(problem.loss)):
        at_clock = problem.without(line.clock_hz < clock)
        hertz = min(clock, float(line.device.clock_hz))
        if "latency_s" not in names:
            yield Pace(at_clock, hertz, None)
            continue
        caps, exact = _caps(line.slowed, np.isfinite(at_clock.loss))
        for cap in caps:
            held = at_clock.without(np.any(line.slowed > cap[:, None, :], axis=-1))
            if np.isfinite(held.loss).any(axis=1).all():
                yield Pace(held, hertz, cap.sum(axis=0), exact)


def quickest(problem: Problem) -> Pace:
    """A pace at which all plans are told to be no slower than they are."""
    line = problem.pipeline
    assert line is not None
    available = np.isfinite(problem.loss)
    clock = np.where(available, line.clock_hz, -np.inf).max(axis=1)
    waits = np.where(available[..., None], line.slowed, np.inf).min(axis=1).sum(axis=0)
    return Pace(problem, float(line.clock(clock)), waits)


def _clocks(line: Pipeline, available: NDArray[np.bool_]) -> list[float]:
    """The clocks of plans, the fastest first."""
    every = np.unique(np.minimum(line.clock_hz, float(line.device.clock_hz))[available])
    most = np.minimum(np.where(available, line.clock_hz, -np.inf).max(axis=1), float(line.device.clock_hz)).min()
    return sorted(every[every <= most].tolist(), reverse=True)


def _caps(slowed: Floats, available: NDArray[np.bool_]) -> tuple[Sequence[Floats], bool]:
    """What each layer waits at most, float64[layers, ...] each; whether every plan's own waits are among them."""
    rows = [np.unique(each[kept], axis=0) for each, kept in zip(slowed, available, strict=True)]
    if math.prod(len(each) for each in rows) <= MOST:
        return [np.array(each) for each in product(*rows)], True
    worst = np.where(available[..., None], slowed, -np.inf).max(axis=1)
    return [*(np.minimum(slowed[:, option], worst) for option in range(slowed.shape[1])), worst], False
