"""Budgets by how they act on a problem: on sums, on single options, or on the peak of memory."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from costmodel.catalog import require
from costmodel.estimators.fpga import Array, overlay
from costmodel.estimators.fpga.traffic_bound import most_bytes
from costmodel.hardware import Fpga
from dse.folding_memory import MOVED
from dse.infeasible import rounded, short
from dse.metric import NETWORK, NO_SUM, Budget
from dse.paces import Pace, paces, quickest
from dse.pipelines import PACED
from dse.plan import InfeasibleError
from dse.problem import Problem
from dse.rates import longest_s, rate_per_s


@dataclass(frozen=True)
class Limits:
    """Budgets by how they act: on sums, on single options (already taken from `problem`), on the peak of memory.

    `pace` is that at which the problem's plans run, None where no rate or latency is asked for.
    """

    problem: Problem
    sums: dict[str, float]
    peaks: dict[str, float]
    pace: Pace | None = None

    @staticmethod
    def every(problem: Problem, budgets: Sequence[Budget], objectives: Collection[str] = ()) -> "list[Limits]":
        """Read the budgets, once for each pace at which plans of a dataflow may keep them.

        Of `objectives` that do not add up, every value that a plan has is at some pace. InfeasibleError where a budget
        alone cannot be met, ValueError where one is unknown.
        """
        speeds = [b for b in budgets if problem.pipeline is not None and b.metric.name in PACED]
        whole = Limits._of(problem, [budget for budget in budgets if budget not in speeds])
        asked = {name for name in objectives if problem.pipeline is not None and name in PACED}
        limits = most_of(speeds)
        if not (asked or limits):
            return [whole]
        found = [each for pace in paces(problem, asked | set(limits)) if (each := whole.at(pace, limits)) is not None]
        if not found:
            raise _too_slow(problem, speeds, limits)
        return found if asked else _widest(found)

    @staticmethod
    def loosest(problem: Problem, budgets: Sequence[Budget]) -> "Limits":
        """Limits that every plan within budgets keeps, some of speed among them."""
        speeds = [budget for budget in budgets if budget.metric.name in PACED]
        found = Limits._of(problem, [b for b in budgets if b not in speeds]).at(quickest(problem), most_of(speeds))
        if found is None:
            raise _too_slow(problem, speeds, most_of(speeds))
        return found

    @staticmethod
    def _of(problem: Problem, budgets: Sequence[Budget]) -> "Limits":
        sums: dict[str, float] = {}
        peaks: dict[str, float] = {}
        pipelined = isinstance(problem.device, Fpga)
        for budget in budgets:
            name, limit = budget.metric.name, budget.allowed
            if name in ("throughput_per_s", "cycles") and not pipelined:
                raise ValueError(f"{problem.device.name} has no throughput budget; use latency_s")
            if name == "throughput_per_s":
                name, limit = "latency_s", longest_s(limit, float(problem.workload.batch))
            if budget.metric.over == "network":
                peaks[name] = min(limit, peaks.get(name, math.inf))
            elif isinstance(problem.folding, Array) and name in overlay.RESOURCES:
                _require_array(problem.folding, name, limit)
            else:
                if name in NO_SUM and name not in problem.costs:
                    raise ValueError(f"no budget on {name} of {problem.device.name}: {NO_SUM[name]}")
                paced = PACED if problem.pipeline else ["throughput_per_s"] * pipelined
                known = ["loss", *NETWORK, *problem.costs, *paced]
                sums[require(f"budget on {problem.device.name}", name, known)] = min(limit, sums.get(name, math.inf))
        return Limits(problem, sums, peaks)

    def at(self, pace: Pace, limits: Mapping[str, float]) -> "Limits | None":
        """The same of plans at a pace, within limits of PACED; None where none is."""
        longest = pace.longest(limits)
        if longest is None:
            return None
        assert isinstance(pace.problem.device, Fpga)
        most = most_bytes(longest, pace.problem.device) if limits else math.inf
        most = min(most, self.sums.get(MOVED, math.inf))
        sums = self.sums | ({MOVED: most} if most < pace.moved[1] or MOVED in self.sums else {})
        return Limits(pace.problem, sums, self.peaks, pace)


def most_of(budgets: Sequence[Budget]) -> dict[str, float]:
    """The least limits of budgets of PACED, of the rate the seconds an image."""
    found: dict[str, float] = {}
    for budget in budgets:
        name, limit = budget.metric.name, budget.allowed
        most = longest_s(limit) if name == "throughput_per_s" else limit
        found[name] = min(most, found.get(name, math.inf))
    return found


def _widest(every: Sequence[Limits]) -> list[Limits]:
    """Those that do not allow a part of what another one does."""
    found: list[Limits] = []
    order = sorted(every, key=lambda each: -int(np.isfinite(each.problem.loss).sum()))
    for each in order:
        mine, most = np.isfinite(each.problem.loss), each.sums.get(MOVED, math.inf)
        if not any((mine <= np.isfinite(o.problem.loss)).all() and most <= o.sums.get(MOVED, math.inf) for o in found):
            found.append(each)
    return found


def _require_array(array: Array, name: str, limit: float) -> None:
    """InfeasibleError where an overlay's array, which no choice of formats changes, takes more."""
    if (taken := float(getattr(array, name))) > limit:
        raise InfeasibleError(
            f"no plan meets the budget: an array of {array.rows} x {array.columns} takes {name} {rounded(taken)} "
            f"whatever the layers' formats, the budget allows {short(limit)}; lay it out within that with "
            "overlay.fit(..., most=...)",
            {name: taken},
        )


def _too_slow(problem: Problem, budgets: Sequence[Budget], limits: Mapping[str, float]) -> InfeasibleError:
    """Why no choice of formats is as fast as budgets ask, whatever the others are."""
    assert problem.pipeline is not None
    line = problem.pipeline
    told = [pace.told(float(line.interval(pace.moved[0]))) for pace in paces(problem, PACED)]
    for budget in budgets:
        name = budget.metric.name
        values = min(told, key=itemgetter(name))
        if values[name] <= limits[name]:
            continue
        slowest = problem.layers[max(int(line.follows[line.cycles.argmax()]), 0)]
        slowest = "the memory" if values["cycles"] > line.cycles.max() else slowest
        at = rate_per_s(values[name]) if name == "throughput_per_s" else values[name]
        lower = budget.metric.better == "lower"
        reached = f"{'least' if lower else 'most'} {rounded(at, up=lower)}"
        return InfeasibleError(
            f"no plan meets the budget: with this folding {slowest} allows {name} of at {reached}, the budget "
            f"{short(budget.limit)}",
            {name: at},
        )
    return InfeasibleError(f"no plan meets the budgets together: {', '.join(limits)}", {})
