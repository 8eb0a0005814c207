"""Budgets of what outputs take on an FPGA, where a search prices them in their own layer's format.

That is exact where it and its readers share one; else `readers` prices them, but for a search that cannot: of one, what
a plan takes is evaluated whole, and where that breaks a budget the search is run again within a budget that is smaller
by as much as it was off.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from costmodel.estimators.fpga import Array
from costmodel.hardware import Fpga
from dse.infeasible import rounded, short
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem

DATAFLOW = ("lut", "ff", "bram18", "energy_j", "power_w")
OVERLAY = ("latency_s", "bytes_moved", "energy_j", "power_w")
"""Metrics that outputs add to."""
PRICED = "plans with outputs priced in their own layer's format"
"""What a search over these is proven among."""
TRIES = 6
"""Most searches for a plan that keeps its budgets as evaluated."""


def several(problem: Problem) -> bool:
    """Whether outputs may be written in one of several formats, by what reads them."""
    return isinstance(problem.device, Fpga) and len({option.activation.name for option in problem.options}) > 1


def coupled(problem: Problem, names: Collection[str]) -> list[str]:
    """Those of the metrics whose tables price outputs apart from their readers."""
    if not several(problem):
        return []
    return [name for name in (OVERLAY if isinstance(problem.folding, Array) else DATAFLOW) if name in names]


def keeping(
    solve: Callable[[Mapping[str, float]], Plan],
    spent: Callable[[Plan], Mapping[str, float]],
    limits: Mapping[str, float],
    *,
    improve: bool = True,
) -> Plan:
    """The plan of least objective that `solve` finds within limits, of those that keep them as `spent`.

    Where one keeps them with more to spare than the tables say, a better one is sought if `improve`.

    Of a plan, `totals` must have what the tables say and `spent` what is so; the plan returned has the latter.
    InfeasibleError and TimeoutError as `solve`, or the former where no plan found keeps the limits.
    """
    shifted = dict(limits)
    best: Plan | None = None
    plan = solve(shifted)
    for _ in range(TRIES):
        evaluated = spent(plan)
        taken = {name: evaluated[name] for name in limits}
        off = {name: taken[name] - plan.totals[name] for name in limits}
        plan = replace(plan, totals={**plan.totals, **taken})
        good = all(taken[name] <= limits[name] for name in limits)
        if best is not None and not (good and plan.objective < best.objective):
            break
        if good:
            best, shifted = plan, {name: limits[name] - off[name] for name in limits}
        else:
            shifted = {name: min(shifted[name], limits[name] - max(off[name], 0.0)) for name in limits}
        if good and not (improve and any(off.values())):
            break
        try:
            plan = solve(shifted)
        except (InfeasibleError, TimeoutError):
            break
    if best is None:
        over = ", ".join(f"{name} {rounded(taken[name])} (budget {short(limits[name])})" for name in limits)
        raise InfeasibleError(f"no plan was found that meets the budgets; the last one takes {over}", taken)
    return best
