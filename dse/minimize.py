"""The optimizer's face: the plan of least loss, or of least cost, within budgets."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from costmodel.hardware import Device
from dse import at_paces
from dse.as_evaluated import Solve, as_evaluated
from dse.choices import Choices
from dse.couplings import Couplings
from dse.folding import OBJECTIVES
from dse.folding_refusals import SPEEDS
from dse.interrupts import heard, late
from dse.limits import Limits
from dse.metric import Budget, Metric, loss, require_sum
from dse.over_foldings import Rules, Sought
from dse.pipelines import PACED
from dse.plan import InfeasibleError, Plan, deadline_in, left_s
from dse.problem import Problem
from dse.rates import rate_per_s
from dse.restrictions import restricted


def minimize(
    metric: Metric,
    *,
    over: Choices | Problem,
    on: Device | None = None,
    subject_to: Sequence[Budget] = (),
    ties: Sequence[Sequence[str]] | str = (),
    pins: Mapping[str, str] | None = None,
    allow: Mapping[str, Sequence[str]] | None = None,
    conversion: ArrayLike | None = None,
    max_formats: int | None = None,
    time_limit_s: float | None = None,
) -> Plan:
    """Return the plan that minimises a metric that adds up over layers, usually `loss`, within every budget.

    over        what `choices` gives, with a device `on`, or a Problem made before, of one folding. Of choices on an
                FPGA, the least loss within budgets of what a folding decides, the highest throughput and the least
                latency choose formats and foldings together (`dse.folding.least_loss`, `dse.fastest`); where these do
                not know all budgets, of any other metric, with a `conversion` that adds to a speed, or where nothing
                depends on the folding, the plan is the best over the foldings made for each format (`dse.foldings`),
                and `Plan.proven_within` says so, or its bound is of the budgets known, or of what no folding changes,
                as memory at its peak. The device's own resources are limits where a speed is asked for; else give them
                as budgets, as a plan may be of a larger device
    ties        groups of layer names that must share an option; "fused" for the layers that servers run as one product,
                "residual" for those whose outputs are added (`dse.neighbours`), "fused,residual" for both
    pins        {layer glob: format} that those layers must take
    allow       {layer glob: formats} among which those layers choose
    conversion  what the metric gains for each tensor that passes between layers of different formats: a number, or
                float[options, options]

    InfeasibleError says which budget is impossible and its least value, TypeError what is none of these kinds.
    Of a folding, throughput, cycles and latency limit the bytes that all layers move together (`dse.paces`); peak
    activation memory is met by adding the moments at which a plan exceeds it. Ctrl-C ends the search with the best plan
    so far, `Plan.interrupted`; without one it is a KeyboardInterrupt.
    """
    _require_kinds(metric, over, on, subject_to)
    rules = Rules(ties, pins or {}, allow or {}, conversion, max_formats)
    with heard() as interrupt:
        plan = _least(metric, over, on, subject_to, rules, deadline_in(time_limit_s))
    return replace(plan, interrupted=interrupt.came)


def _least(
    metric: Metric,
    over: Choices | Problem,
    on: Device | None,
    subject_to: Sequence[Budget],
    rules: Rules,
    deadline: float,
) -> Plan:
    if isinstance(over, Choices):

        def solve(problem: Problem, budgets: Sequence[Budget], time_s: float | None) -> Plan:
            return minimize(metric, over=problem, subject_to=budgets, time_limit_s=time_s, **vars(rules))

        speeds = metric.name in OBJECTIVES or any(budget.metric.name in SPEEDS for budget in subject_to)
        most = 1.0 if speeds else math.inf
        return Sought(metric, over, _required(on), subject_to, rules, deadline, utilisation=most).best(solve).plan
    problem = restricted(over, rules.pins, rules.allow)
    edits = {name: getattr(rules, name) for name in ("ties", "conversion", "max_formats")}
    if problem.pipeline and metric.name in PACED:
        return _fastest(metric, problem, subject_to, edits, deadline)
    known = ["loss", *problem.costs, *(PACED if problem.pipeline else ())]
    require_sum("metric to minimise", metric.name, known, problem.device.name)
    plan = _within(metric, problem, subject_to, edits, deadline)
    return plan.of(problem, subject_to)


def _solver(edits: Mapping[str, Any]) -> at_paces.Solve:
    """What solves a problem within limits and couplings."""

    def solve(limits: Limits, metric: str, time_s: float | None) -> Plan:
        tables = {"loss": limits.problem.loss, **limits.problem.costs}
        couplings = Couplings.of(limits.problem, **edits)
        until = deadline_in(time_s)
        return as_evaluated(Solve(limits, metric, tables, couplings, edits["max_formats"], until), limits.sums)

    return solve


def _within(
    metric: Metric, problem: Problem, subject_to: Sequence[Budget], edits: Mapping[str, Any], deadline: float
) -> Plan:
    """The plan of least metric within budgets, at any pace that those of speed allow."""
    solve, groups = _solver(edits), Couplings.of(problem, **edits).groups
    every = at_paces.open_to(Limits.every(problem, subject_to), groups)
    try:
        plan = at_paces.best(every, solve, metric.name, deadline)
    except InfeasibleError as error:
        speeds = [budget for budget in subject_to if budget.metric.name in PACED]
        rest = [budget for budget in subject_to if budget not in speeds]
        if every[0].pace is None or not speeds:
            raise
        raise at_paces.conflicting(
            error, speeds, rest, lambda asked: _fastest(asked, problem, rest, edits, deadline)
        ) from None
    if all(limits.pace is None or limits.pace.exact for limits in every):
        return plan
    bound = 0.0
    with suppress(TimeoutError):
        bound = solve(Limits.loosest(problem, subject_to), metric.name, left_s(deadline)).bound
    return replace(plan, bound=min(plan.bound, bound))


def _fastest(
    metric: Metric, problem: Problem, subject_to: Sequence[Budget], edits: Mapping[str, Any], deadline: float
) -> Plan:
    """The plan of least loss among those whose rate or latency is the best.

    Its objective and bound are of the metric, of throughput the seconds an image.
    """
    every = at_paces.open_to(Limits.every(problem, subject_to, [metric.name]), Couplings.of(problem, **edits).groups)
    found, bound = at_paces.fastest(metric, every, _solver(edits), deadline)
    value = found.objective
    budget = metric >= rate_per_s(value) if metric.name == "throughput_per_s" else metric <= value
    with suppress(TimeoutError):
        if not late(deadline):
            found = _within(loss, problem, [*subject_to, budget], edits, deadline)
    assert problem.pipeline is not None
    reached = float(problem.pipeline.values(found.choice[None])[metric.name][0])
    return replace(found.of(problem, subject_to), objective=reached, bound=min(bound, reached))


def _require_kinds(metric: object, over: object, on: object, subject_to: object) -> None:
    """TypeError with the call that makes the right object of a likely wrong one."""
    if not isinstance(metric, Metric):
        raise TypeError(f"minimize takes a Metric, as dse.metric.loss, got {metric!r}")
    if not isinstance(over, Choices | Problem):
        made = "dse.choices(model, formats, data)"
        raise TypeError(f"minimize chooses over what {made} gives, got a {type(over).__name__}")
    if on is not None and not isinstance(on, Device):
        raise TypeError(f"minimize takes a device, as cm.device('h100_sxm') gives, got {on!r}")
    if not isinstance(subject_to, Sequence) or not all(isinstance(budget, Budget) for budget in subject_to):
        raise TypeError(f"subject_to is a list of budgets, as [latency_s <= 0.01], got {subject_to!r}")


def _required(device: Device | None) -> Device:
    if device is None:
        raise ValueError("minimize needs a device: on=costmodel.device(NAME)")
    return device
