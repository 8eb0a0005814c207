"""The latency of a dataflow whose formats and foldings are chosen: which interval of the pipeline leads to the least.

The latency is bounded by a T + h (`fpga.passage`, its upper bound, which a balanced pipeline comes close to): T the
seconds of the slowest unit, h those that all units hold one output, a constant of the network. For units that take at
most T, h is the least of an integer program; less room never makes it less. Intervals are split until none can hold a
better plan: branch and bound (Land and Doig, Econometrica 28(3), 1960, doi 10.2307/1910129) over one number.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.passage import waits
from dse.folding_options import HELD, LONGEST, Units
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem

Floats = NDArray[np.float64]
Found = tuple[Plan, list[Units]]
Within = Callable[[float, float], Found]
"""The plan of units that take at most the first seconds for a pass, and that hold outputs at most for the second."""

NEAR = 1e-3
"""Relative distance of a plan's latency from its bound at which the search ends."""


def share(problem: Problem) -> float:
    """Seconds of latency for each second that the slowest unit takes for a pass."""
    batch = float(problem.workload.batch)
    return (waits(problem.workload) + batch - 1) / batch


def latency_s(problem: Problem, taken: list[Units]) -> float:
    """The bound of the latency of a design."""
    slowest = max(float(units.paid[:, LONGEST].max(initial=0.0)) for units in taken)
    return share(problem) * slowest + sum(float(units.paid[:, HELD].sum()) for units in taken)


def quickest(problem: Problem, targets: Floats, least_held: Within, deadline: float) -> Found | None:
    """The plan of least latency, within NEAR of it where no time runs out; None where no plan exists.

    `targets` are the intervals that a design may have, in order; `deadline` is of `time.monotonic`.
    """
    a = share(problem)

    def solve(low: int, high: int) -> tuple[float, float, Found]:
        found = least_held(float(targets[high]), math.inf)
        return a * float(targets[low]) + found[0].bound, latency_s(problem, found[1]), found

    return _best(targets, solve, deadline)


def within_latency(
    problem: Problem, targets: Floats, least_loss: Within, most_s: float, deadline: float
) -> Found | None:
    """The plan of least loss whose latency is at most `most_s`; None where no plan exists."""
    a = share(problem)
    targets = targets[a * targets <= most_s]

    def solve(low: int, high: int) -> tuple[float, float, Found]:
        found = least_loss(float(targets[high]), most_s - a * float(targets[low]))
        meets = latency_s(problem, found[1]) <= most_s
        return found[0].bound, found[0].objective if meets else math.inf, found

    return _best(targets, solve, deadline)


def _best(targets: Floats, solve: Callable[[int, int], tuple[float, float, Found]], deadline: float) -> Found | None:
    """The best plan over all ranges of targets. `solve` gives of a range the least that any plan in it may be, what the
    plan that it found is (inf: not allowed), and that plan; once the time is up, of the first range alone."""
    value, best = math.inf, None
    left: list[tuple[float, int, int]] = [(0.0, 0, len(targets) - 1)] if len(targets) else []
    first = True
    while left and left[0][0] < value * (1 - NEAR) and (first or time.monotonic() <= deadline):
        first = False
        bound, low, high = left[0]
        try:
            least, own, found = solve(low, high)
        except TimeoutError:
            break
        except InfeasibleError:
            heappop(left)
            continue
        heappop(left)
        if own < value:
            value, best = own, found
        for part in _halves(low, high):
            heappush(left, (max(least, bound), *part))
    return _sure(best, value, [bound for bound, _, _ in left[:1]])


def _sure(best: Found | None, value: float, left: list[float]) -> Found | None:
    """The best plan with what is proven of it, by the least bound that is left; TimeoutError where that is all."""
    if best is None:
        if left:
            raise TimeoutError("no plan was found in time")
        return None
    sure = min([value, *left])
    return replace(best[0], objective=value, bound=value if sure >= value * (1 - NEAR) else sure), best[1]


def _halves(low: int, high: int) -> list[tuple[int, int]]:
    middle = (low + high) // 2
    return [(low, middle), (middle + 1, high)] if low < high else []
