"""Budgets by how they act on a problem: on sums, on single options, or on the peak of memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.catalog import require
from costmodel.estimators.fpga import Array, overlay
from costmodel.hardware import Fpga
from dse.metric import NETWORK, NO_SUM, Budget
from dse.plan import InfeasibleError
from dse.problem import Problem
from dse.rates import longest_s


@dataclass(frozen=True)
class Limits:
    """Budgets by how they act: on sums, on single options (already taken from `problem`), on the peak of memory."""

    problem: Problem
    sums: dict[str, float]
    peaks: dict[str, float]

    @staticmethod
    def of(problem: Problem, budgets: Sequence[Budget]) -> "Limits":
        """Read the budgets; InfeasibleError where one alone cannot be met, ValueError where one is unknown."""
        sums: dict[str, float] = {}
        peaks: dict[str, float] = {}
        pipelined = isinstance(problem.device, Fpga)
        for budget in budgets:
            name, limit = budget.metric.name, budget.limit
            if name in ("throughput_per_s", "cycles") and not pipelined:
                raise ValueError(f"{problem.device.name} has no throughput budget; use latency_s")
            if name == "throughput_per_s":
                paced, batch = bool(problem.slowest), float(problem.workload.batch)
                name, limit = (name, longest_s(limit)) if paced else ("latency_s", longest_s(limit, batch))
            if name in problem.slowest:
                problem = _fast_enough(problem, budget, limit)
            elif budget.metric.over == "network":
                peaks[name] = min(limit, peaks.get(name, math.inf))
            elif isinstance(problem.folding, Array) and name in overlay.RESOURCES:
                _require_array(problem.folding, name, limit)
            else:
                if name in NO_SUM and name not in problem.costs:
                    raise ValueError(f"no budget on {name} of {problem.device.name}: {NO_SUM[name]}")
                known = ["loss", *NETWORK, *problem.slowest, *problem.costs]
                known += ["throughput_per_s"] * (pipelined and not problem.slowest)
                sums[require(f"budget on {problem.device.name}", name, known)] = min(limit, sums.get(name, math.inf))
        return Limits(problem, sums, peaks)


def _require_array(array: Array, name: str, limit: float) -> None:
    """InfeasibleError where an overlay's array, which no choice of formats changes, takes more."""
    if (taken := float(getattr(array, name))) > limit:
        raise InfeasibleError(
            f"no plan meets the budget: an array of {array.rows} x {array.columns} takes {name} {taken:g} whatever the "
            f"layers' formats, the budget allows {limit:g}; lay it out within that with overlay.fit(..., most=...)",
            {name: taken},
        )


def _fast_enough(problem: Problem, budget: Budget, most: float) -> Problem:
    """The problem without the options at which a layer alone breaks a budget of what the slowest layer decides."""
    name = budget.metric.name
    table = np.where(np.isinf(problem.loss), np.inf, problem.slowest[name])
    least = table.min(axis=1)
    slowest = int(np.argmax(least))
    at, allowed = float(least[slowest]), budget.limit
    if at > most:
        at, side = (1 / at, "most") if budget.metric.better == "higher" else (at, "least")
        raise InfeasibleError(
            f"no plan meets the budget: with this folding {problem.layers[slowest]} allows {name} of at {side} {at:.6g}"
            f", the budget {allowed:.6g}",
            {name: at},
        )
    return problem.within(name, most)
