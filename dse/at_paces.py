"""Plans of a dataflow over the paces that they may run at: the best within budgets of speed, and the fastest."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dse.folding_memory import MOVED
from dse.infeasible import rounded, short
from dse.interrupts import late
from dse.limits import Limits
from dse.metric import Budget, Metric
from dse.plan import InfeasibleError, Plan, left_s
from dse.rates import rate_per_s

Solve = Callable[[Limits, str, float | None], Plan]
"""The plan of least metric within limits, in a time."""


def best(every: Sequence[Limits], solve: Solve, metric: str, deadline: float) -> Plan:
    """Return the plan of least metric over all limits, its bound that of all of them.

    InfeasibleError as of the first where none has a plan, TimeoutError where one may have.
    """
    found: list[Plan] = []
    refused: list[Exception] = []
    for i, limits in enumerate(every):
        if found and late(deadline):
            refused.append(TimeoutError())
            break
        plan = _tried(solve, limits, metric, left_s(deadline, len(every) - i))
        if isinstance(plan, Plan):
            found.append(plan)
        else:
            refused.append(plan)
    if not found:
        raise _why(refused)
    plan = min(found, key=lambda each: each.objective)
    open_ = any(isinstance(error, TimeoutError) for error in refused)
    return replace(plan, bound=min([each.bound for each in found] + [0.0] * open_))


def fastest(metric: Metric, every: Sequence[Limits], solve: Solve, deadline: float) -> tuple[Plan, float]:
    """Return a plan of the best rate or latency over all limits, and what no plan is below.

    Its objective is of the metric, of a rate the seconds an image. Errors as of `best`.
    """
    order = sorted(every, key=lambda each: _least(each, metric))
    found: list[Plan] = []
    refused: list[Exception] = []
    bounds: list[float] = []
    for i, limits in enumerate(order):
        least, value = _least(limits, metric), min((each.objective for each in found), default=math.inf)
        over = late(deadline)
        if least >= value or (found and over):
            bounds.append(least)
            break
        if over and i < len(order) - 1:  # the slowest has a plan where any has
            bounds.append(least)
            continue
        plan = _tried(solve, limits, MOVED, left_s(deadline, len(order) - i + 1))
        if isinstance(plan, Plan):
            bounds.append(_told(limits, metric, plan.bound))
            found.append(replace(plan, objective=_told(limits, metric, plan.objective)))
        else:
            bounds.append(least if isinstance(plan, TimeoutError) else math.inf)
            refused.append(plan)
    if not found:
        raise _why(refused)
    plan = min(found, key=lambda each: each.objective)
    return plan, min(plan.objective, *bounds)


def _tried(solve: Solve, limits: Limits, metric: str, time_s: float | None) -> Plan | InfeasibleError | TimeoutError:
    try:
        return solve(limits, metric, time_s)
    except (InfeasibleError, TimeoutError) as error:
        return error


def _why(refused: Sequence[Exception]) -> Exception:
    return next((error for error in refused if isinstance(error, TimeoutError)), refused[0])


def _told(limits: Limits, metric: Metric, moved: float) -> float:
    assert limits.pace is not None
    return limits.pace.told(float(limits.pace.pipeline.interval(moved)))[metric.name]


def _least(limits: Limits, metric: Metric) -> float:
    assert limits.pace is not None
    return _told(limits, metric, limits.pace.moved[0])


def conflicting(
    error: InfeasibleError, asked: Sequence[Budget], rest: Sequence[Budget], of_rest: Callable[[Metric], Plan]
) -> InfeasibleError:
    """Why no plan meets budgets of speed with the others, where it is what the memory moves: the best of each.

    `of_rest` gives the plan of best speed within the rest, or says why there is none.
    """
    if MOVED not in error.least or any(budget.metric.name == MOVED for budget in rest):
        return error
    for budget in asked:
        name = budget.metric.name
        value = of_rest(budget.metric).objective
        value = rate_per_s(value) if name == "throughput_per_s" else value
        if not budget.met(value):
            lower = budget.metric.better == "lower"
            reached = f"{'least' if lower else 'most'} {rounded(value, up=lower)}"
            said = f"given the others, {name} is at {reached} (budget {short(budget.limit)})"
            return InfeasibleError(f"no plan meets the budgets together: {said}", {name: value})
    return error


def open_to(every: Sequence[Limits], groups: Sequence[Sequence[int]]) -> list[Limits]:
    """The limits at which tied layers share an option, all where none are."""
    shared = [
        limits
        for limits in every
        if all(np.isfinite(limits.problem.loss[list(group)]).all(axis=0).any() for group in groups)
    ]
    return shared or list(every)
