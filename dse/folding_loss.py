"""The least loss of one program over candidates of layers, and soon why none is within a limit of it.

A limit of loss is none of the program whose objective that is: without it plans are found sooner, and their bound
refuses.
"""

import math
import time
from dataclasses import replace

from dse import allocate
from dse.infeasible import infeasible, rounded, short
from dse.plan import InfeasibleError, Plan
from dse.tables import Tables

FIRST_S = 1.0
"""Time of a program of the least loss, and of why there is no plan, though none is left: without any EfficientNet-B0's
plans lose twice as much on a ZCU104, and refusals have no numbers."""

REFUSAL_S = 4.0
"""Longest search for what conflicts, and the time by which the second of three programs ends whose bounds may refuse a
limit of loss: the first has FIRST_S, the last what time is left."""

SOON = 4
"""The second ends by that part of the time, though never before FIRST_S."""


def least(tables: Tables, max_formats: int | None, deadline: float) -> Plan:
    """Return the plan of least loss that is found by the deadline or FIRST_S after it begins.

    InfeasibleError where none is within the limits, TimeoutError where none was found.
    """
    now, most = time.monotonic(), tables.limits.get("loss", math.inf)
    end = max(deadline, now + FIRST_S)
    if math.isinf(most) or tables.conversion is not None or tables.loss.min(axis=1).sum() > most:
        return _found(allocate.best(tables, max_formats, end), tables, max_formats, deadline)
    free = replace(tables, limits={name: limit for name, limit in tables.limits.items() if name != "loss"})
    best: Plan | None = None
    for until in (now + FIRST_S, now + max(min((end - now) / SOON, REFUSAL_S), FIRST_S), end):
        try:
            plan = _found(allocate.best(free, max_formats, until), tables, max_formats, deadline)
        except TimeoutError:
            continue
        best = plan if best is None else _better(plan, best)
        if best.bound > most or (best.proven and best.objective > most):
            raise infeasible(tables, max_formats, refusal_s(deadline)) if best.proven else _above(best, most)
        if best.proven:
            break
    if best is None or best.objective > most:
        raise _unreached(best, float(tables.loss.min(axis=1).sum()), most)
    return best


def _unreached(best: Plan | None, least: float, most: float) -> TimeoutError:
    """That no plan was found within a limit of loss, with the least found, and what none loses less than."""
    found = "none was found within the others" if best is None else f"the least found loses {rounded(best.objective)}"
    bound = rounded(least if best is None else best.bound, up=False)
    told = f"no plan with loss of at most {short(most)} was found in time: {found}, and none loses less than {bound}"
    return TimeoutError(f"{told}; give more time or larger budgets")


def refusal_s(deadline: float) -> float:
    """Seconds for what conflicts."""
    return min(max(deadline - time.monotonic(), FIRST_S), REFUSAL_S)


def _found(plan: Plan | None, tables: Tables, max_formats: int | None, deadline: float) -> Plan:
    if plan is None:
        raise infeasible(tables, max_formats, refusal_s(deadline))
    return plan


def _better(plan: Plan, other: Plan) -> Plan:
    """The plan that loses less, with the higher bound of both."""
    least = min(plan, other, key=lambda each: each.objective)
    return replace(least, bound=min(max(plan.bound, other.bound), least.objective))


def _above(plan: Plan, most: float) -> InfeasibleError:
    """The refusal of a limit of loss that a plan's bound is above, itself not proven."""
    reached = (
        f"{rounded(plan.objective)} in the plans found in time, and at least {rounded(plan.bound, up=False)} in any"
    )
    said = f"given the others and what the device has, loss is at least {reached} (budget {short(most)})"
    return InfeasibleError(f"no plan meets the budgets together: {said}", {"loss": plan.bound})
