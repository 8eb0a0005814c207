"""The least latency of a dataflow whose formats and foldings are chosen, by cuts.

A design's latency is the greatest of the paths through it (`fpga.longest_path`), each a sum over its units: a program
that knows some paths asks for units whose sums along these are short, the latency of what it finds adds the path that
decides it, and where no units are short enough along all that are known, no design is quicker than the best found
(Kelley, J. SIAM 8(4), 1960, doi 10.1137/0108053; with choices for numbers). What is minimised is what `estimate` tells.

First all units keep up with the pace of a balanced pipeline as quick as the best design known, then any will do, which
alone proves. Poolings and sums that follow a layer are not chosen: they are the cheapest that keep up, and are counted
at their shortest along each path, so that what is proven holds whatever they are.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.longest_path import EACH, REGISTERS, TIMES, longest_path
from costmodel.estimators.fpga.passage import waits
from costmodel.estimators.fpga.placed import placed
from costmodel.estimators.fpga.traffic_bound import input_cycles
from costmodel.hardware import Fpga
from costmodel.record import stack
from dse.folding_options import Paths, Units
from dse.infeasible import rounded, short
from dse.interrupts import came, late
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem

Floats = NDArray[np.float64]
Found = tuple[Plan, list[Units]]
Program = Callable[[float, Paths, float], Found]
"""The plan of least objective, of units that keep up with the first and are no longer than the last along each path."""

NEAR = 1e-3
"""Relative distance of a plan's latency from its bound at which the search ends."""

ROUNDING = 1e-12
"""Relative distance of a path's sum from the latency that it decides, as both are rounded."""

MOST_PATHS = 16
"""Paths that a program knows, the latest: more make its tables long and rarely its plans better."""


SHARES = (0.75, 0.9, 0.5)
"""Of a latency, what units at one rate wait for inputs, in the order tried; the rest they hold outputs."""


def folding_of(problem: Problem, taken: Iterable[Units]) -> Folding:
    """The chosen candidates over all ops, a folding of ones where an op is no unit."""
    columns = np.tile([1.0, 1.0, 1.0, 0.0], (len(problem.workload.ops), 1))
    for each in taken:
        columns[list(each.ops)] = each.folded[0]
    return Folding(*columns.T)


def latency(problem: Problem, found: Found) -> tuple[float, Floats]:
    """The seconds of a design that `estimate` tells, and the path that decides them."""
    plan, taken = found
    device, workload = problem.device, problem.workload
    assert isinstance(device, Fpga)
    folding = placed(workload, folding_of(problem, taken))
    totals = replace(problem, folding=folding).estimate(plan.choice).totals
    come = input_cycles(workload, stack(problem.per_op(plan.choice)), device)
    path = longest_path(workload, folding, interval=totals["cycles"], input_cycles=come)
    return totals["latency_s"], path


def quickest(problem: Problem, program: Program, known: Iterable[Found], bound: float, until: float) -> Found:
    """The plan of least latency, of those known and of those that cuts lead to; within NEAR of the least where no time
    runs out and what follows its layers is as short as any.

    No design is quicker than `bound`; at `until`, by `time.monotonic`, balanced designs have been looked for enough.
    """
    timed = [(*latency(problem, found), found) for found in known]
    value, _, best = min(timed, key=lambda each: each[0])
    paths = [path for _, path, _ in timed]
    for balanced in (True, False):
        seen: set[bytes] = set()
        while bound < value * (1 - NEAR) and not (came() or (balanced and late(until))):
            pace, limit = _pace(problem, value) if balanced else math.inf, value * (1 - NEAR)
            try:
                found = program(pace, paths[-MOST_PATHS:], limit)
            except InfeasibleError:
                bound = bound if balanced else limit
                break
            except TimeoutError:
                break
            bound = bound if balanced else max(bound, min(limit, found[0].bound))
            own, path = latency(problem, found)
            paths.append(path)
            if own < value:
                value, best = own, found
            if _again(seen, found):
                break
    return replace(best[0], objective=value, bound=value if bound >= value * (1 - NEAR) else bound), best[1]


def within_latency(problem: Problem, program: Program, most_s: float, least_s: float = 0.0) -> Found | None:
    """The plan of least loss whose latency is at most `most_s`; None where no plan exists.

    TimeoutError where none was found and one may exist: it tells the least latency that was reached, and `least_s`,
    which none is below.
    """
    paths: list[Floats] = []
    reached: list[float] = []
    safe = _safe(problem, program, most_s, reached)
    met = [_meeting(problem, program, pace, most_s, paths, reached) for pace in (_pace(problem, most_s), math.inf)]
    bound = met[-1][1]
    plans = [found for found in (safe, *(found for found, _ in met)) if found]
    if not plans:
        if math.isinf(bound):
            return None
        found = (
            f"the least found is {rounded(min(reached))} s" if reached else "none was found within the other budgets"
        )
        raise TimeoutError(
            f"no plan with latency_s of at most {short(most_s)} was found in time: {found}, and none is below "
            f"{rounded(least_s, up=False)} s; give more time or larger budgets"
        )
    plan, taken = min(plans, key=lambda found: found[0].objective)
    return replace(plan, bound=min(bound, plan.objective)), taken


def _safe(problem: Problem, program: Program, most_s: float, reached: list[float]) -> Found | None:
    """A plan that is as quick though all its units be slowed to the slowest's rate; None where none is found."""
    held = np.zeros((len(problem.workload.ops), TIMES))
    held[:, [EACH, REGISTERS]] = 1.0
    pace = _pace(problem, most_s)
    for share in SHARES:
        try:
            found = program(share * pace, [held], (1 - share) * most_s)
        except InfeasibleError:
            continue
        except TimeoutError:
            return None
        reached.append(latency(problem, found)[0])
        if reached[-1] <= most_s:
            return found
    return None


def _meeting(
    problem: Problem, program: Program, pace: float, most_s: float, paths: list[Floats], reached: list[float]
) -> tuple[Found | None, float]:
    """The plan of least loss at a pace whose latency is at most `most_s`, None where none is found; what no such plan
    loses less than, inf where none exists. The paths of those that take longer are added, and how long they take."""
    seen: set[bytes] = set()
    bound = 0.0
    while True:
        try:
            found = program(pace, paths[-MOST_PATHS:], most_s * (1 + ROUNDING))
        except InfeasibleError:
            return None, math.inf
        except TimeoutError:
            return None, bound
        bound = max(bound, found[0].bound)
        own, path = latency(problem, found)
        reached.append(own)
        if own <= most_s:
            return found, bound
        if _again(seen, found):
            return None, bound
        paths.append(path)


def _pace(problem: Problem, latency_s: float) -> float:
    """The seconds of a pass through a unit of a balanced pipeline of that latency."""
    batch = float(problem.workload.batch)
    return latency_s * batch / (waits(problem.workload) + batch - 1)


def _again(seen: set[bytes], found: Found) -> bool:
    """Whether a design was found before; it is noted."""
    plan, taken = found
    key = plan.choice.tobytes() + b"".join(each.folded.tobytes() for each in taken)
    if key in seen:
        return True
    seen.add(key)
    return False
