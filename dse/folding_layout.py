"""The plans that searches over candidates find, laid out: in their folding, their budgets kept as evaluated."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from costmodel.estimators.fpga import fold
from costmodel.hardware import Fpga
from dse import outputs
from dse.folding_latency import folding_of
from dse.folding_options import RESOURCES, Units
from dse.folding_refusals import beyond_device
from dse.folding_search import Search
from dse.interrupts import late
from dse.metric import Budget
from dse.plan import InfeasibleError, Plan
from dse.solvers.by_kind import TooCloseError

FILLED = 0.7
"""Share of each resource that `fpga.fold` fills; a search here may take all of the device."""


def laid_out(
    search: Search, run: Callable[[Search], tuple[Plan, list[Units]]], budgets: Sequence[Budget], objective: str
) -> Plan:
    """The plan of a search, its problem folded; a refusal says which limits are the device's own."""
    problem = search.problem
    coupled = outputs.coupled(problem, RESOURCES)
    limits = {name: search.limits[name] for name in coupled if search.limits[name] < math.inf}
    found: list[Plan] = []

    def solve(shifted: Mapping[str, float]) -> Plan:
        if found and late(search.deadline):
            raise TimeoutError("no time is left")
        found.append(_one(replace(search, limits={**search.limits, **shifted}), run, again=bool(limits)))
        return found[-1]

    def spent(plan: Plan) -> Mapping[str, float]:
        assert plan.problem is not None
        return plan.problem.totals(plan.choice)

    try:
        plan = outputs.keeping(solve, spent, limits, improve=False)
    except InfeasibleError as error:
        again = refolded(found[0], budgets, objective, search.limits) if found else None
        if again is None:
            told = beyond_device(error, problem.device, search.usable, search.limits)
            raise InfeasibleError(str(told), error.least) from None
        plan = again
    bound = min(found[0].bound, plan.objective)  # later searches are within less than the budgets
    assert plan.problem is not None
    return replace(plan.of(plan.problem, budgets), bound=bound, proven_within=found[0].proven_within)


def _one(search: Search, run: Callable[[Search], tuple[Plan, list[Units]]], *, again: bool) -> Plan:
    """The plan of a search, its problem folded; outputs in their own layer's format where layers are too coupled.

    Of one program, which may take all of its time, half is left for others where it may be sought `again`.
    """
    within = ""
    try:
        plan, taken = run(search)
    except TooCloseError:
        within, one = outputs.PRICED, run is Search.least_loss and "latency_s" not in search.limits
        until = (time.monotonic() + search.deadline) / 2 if again and one else search.deadline
        plan, taken = run(replace(search, by_readers=False, deadline=until))
    folded = replace(search.problem, folding=folding_of(search.problem, taken), laid_for=None)
    return replace(plan, problem=folded, proven_within=within)


def refolded(plan: Plan, budgets: Sequence[Budget], objective: str, limits: Mapping[str, float]) -> Plan | None:
    """A plan's formats as `fpga.fold` folds them in the room of the budgets; None where that is not within limits."""
    problem = plan.problem
    assert problem is not None
    assert isinstance(problem.device, Fpga)
    folding = fold(problem.workload, problem.carried(plan.choice), room(problem.device, budgets))
    laid = replace(problem, folding=folding)
    plan, totals = (found := plan.of(laid, budgets)), found.totals
    fits = all(totals[name] <= limits[name] for name in RESOURCES)
    if not (fits and all(budget.met(totals[budget.metric.name]) for budget in budgets)):
        return None
    value = plan.objective if objective == "loss" else totals[objective]
    value = problem.workload.batch / value if objective == "throughput_per_s" else value
    return replace(plan, objective=value, bound=min(plan.bound, value))


def room(device: Fpga, budgets: Iterable[Budget]) -> Fpga:
    """The device with no more of each resource than lets `fpga.fold`, at FILLED, fill its budget."""
    limits = {b.metric.name: b.allowed / FILLED for b in budgets if b.metric.name in RESOURCES}
    least: dict[str, Any] = {name: min(float(getattr(device, name)), limit) for name, limit in limits.items()}
    return replace(device, **least)
